"""The retraining service: what Tidemark asks for, it trains, tries beside the old version, and promotes if better."""

from __future__ import annotations

import subprocess
import sys
import time

import pandas as pd
from models import fit, give

from tidemark import RetrainEvent, Subscriber

TRIAL_S = 10.0  # for which the new version predicts beside the old one

subscriber = Subscriber.of("monitors.yaml", group="retraining")


@subscriber.on("io.tidemark.retrain.requested", models=["loans"])
def retrain(event: RetrainEvent) -> None:
    """Answer a request. If this is killed in the middle it is begun again, and comes to the same version."""
    request, old = event.data.request, event.data.version
    new = str(int(old) + 1)
    tell(f"takes up the request to replace version {old}")
    tidemark("answer", request, "accepted", "--why", f"training version {new}")

    tidemark("dataset", event.id, "-o", f"data/{new}.parquet")
    train, test = pd.read_parquet(f"data/{new}.parquet"), pd.read_parquet(f"data/{new}.test.parquet")
    fit(new, train)
    tell(f"version {new} is trained on {len(train):,} loans; {len(test):,} later ones are left to test it with")

    give("shadow", new)
    time.sleep(TRIAL_S)
    accepted = tidemark("compare", "monitors.yaml", "--model", "loans", "--old", old, "--new", new)
    give("shadow", None)
    if accepted:
        give("champion", new)
    else:
        tidemark("answer", request, "rejected", "--why", f"version {new} is not better")


def tidemark(command: str, *words: str) -> bool:
    """Run a command of Tidemark's and show what it says; whether it says yes."""
    ended = subprocess.run([sys.executable, "-m", "tidemark", command, *words], capture_output=True, text=True)
    tell(f"$ tidemark {command} {' '.join(words)}")
    print(ended.stdout, end="", flush=True)
    if ended.returncode not in (0, 3):  # 3: compare says no; anything else is tried again
        raise RuntimeError(ended.stderr)
    return ended.returncode == 0


def tell(line: str) -> None:
    """Say what happens here."""
    print(f"{time.strftime('%H:%M:%S')}  retraining  {line}", flush=True)


if __name__ == "__main__":
    subscriber.run()
