"""From a drift to a new version, all on this machine: a broker, Tidemark's job, a service and its retraining.

Each of them is a process of its own and knows the others by the broker alone. Ends when the new version is in use and
Tidemark has said what was gained.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
from confluent_kafka.admin import AdminClient, NewTopic
from loans import FEATURES, loans
from models import fit, give, score

HERE = Path(__file__).parent
FOLDER = Path(".tidemark/example-retraining")  # of everything that it writes
WITHIN_S = float(os.environ.get("WITHIN_S", "300"))  # it takes about 80 s; a busy machine several times that
TIDEMARK = [sys.executable, "-m", "tidemark"]


def main() -> int:
    """Run all of it; 0 once the request is completed."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    shutil.copy(HERE / "monitors.yaml", FOLDER)
    os.chdir(FOLDER)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it stops what it has started
    with ExitStack() as running:
        tell("starting a broker")
        start(running, [*TIDEMARK, "broker", "--port", "0"], log="broker.log")
        while not (ready := re.search("ready (.+)", Path("broker.log").read_text())):
            time.sleep(0.2)
        os.environ["BROKER"] = ready[1]
        topics = [NewTopic(name, 1, 1) for name in ("predictions", "labels", "drift-events", "drift-control")]
        admin = AdminClient({"bootstrap.servers": os.environ["BROKER"]})
        for made in admin.create_topics(topics).values():
            made.result()

        tell("training version 1 on loans of the past")
        past = loans(np.random.default_rng(1), 20_000)
        fit("1", past[:10_000])
        give("champion", "1")
        write("train.jsonl", past[:10_000])
        write("holdout.jsonl", past[10_000:])  # which it has not seen: how good it is
        words = ["--model", "loans", "--version", "1", "--data", "train.jsonl", "--performance", "holdout.jsonl"]
        subprocess.run([*TIDEMARK, "profile", "monitors.yaml", *words], check=True, stdout=subprocess.DEVNULL)

        tell("starting the service, Tidemark and the retraining")
        processes = [
            start(running, [sys.executable, str(HERE / "service.py")]),
            start(running, [*TIDEMARK, "run", "monitors.yaml"], log="run.log"),
            start(running, [sys.executable, str(HERE / "retrain.py")]),
        ]
        return follow(processes)


def follow(processes: list[subprocess.Popen[bytes]]) -> int:
    """Tell every event until the request is completed, a process has ended, or it takes too long."""
    from tidemark import Event, Subscriber

    subscriber = Subscriber.of("monitors.yaml", group="story")
    completed = threading.Event()

    @subscriber.on("*")
    def show(event: Event) -> None:
        tell(f"{event.type.removeprefix('io.tidemark.')}: {event.data.message}", "tidemark")
        if event.type == "io.tidemark.retrain.completed":
            completed.set()

    end = time.monotonic() + WITHIN_S
    with subscriber:
        while not completed.wait(0.5):
            if time.monotonic() > end or any(process.poll() is not None for process in processes):
                tell("no new version was completed; run.log in .tidemark/example-retraining may say why")
                return 1
    return 0


def start(running: ExitStack, words: list[str], log: str | None = None) -> subprocess.Popen[bytes]:
    """Start a process that is stopped at the end, as by Ctrl-C; what it says is shown, or kept in a file."""
    said = None if log is None else running.enter_context(Path(log).open("wb"))
    process = subprocess.Popen(words, stdout=said, stderr=said, start_new_session=True)
    running.callback(process.wait)
    running.callback(process.send_signal, signal.SIGINT)
    return process


def write(name: str, rows: pd.DataFrame) -> None:
    """Write loans of the past as records: what version 1 says of them, and who has defaulted."""
    with Path(name).open("w") as file:
        told = zip(rows[FEATURES].to_dict("records"), score("1", rows), rows["label"], strict=True)
        for at, (features, prediction, label) in enumerate(told):
            record = {"timestamp": 1767225600 + at, "model": "loans", "version": "1", "features": features}
            print(json.dumps(record | {"prediction": prediction, "label": label}), file=file)


def tell(line: str, who: str = "loop") -> None:
    """Say what happens."""
    print(f"{time.strftime('%H:%M:%S')}  {who:10}  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
