"""Listener, broker and job killed at random points: each retrain request is acted on by each action, none is lost."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from jobs.broker import Broker
from jobs.topics import ensure_topic
from schemas.cloudevents import milliseconds
from tests.consumers.actions.server import Asked, serving
from tests.e2e.running import Live, command
from tests.e2e.stream import Record
from tests.e2e.topics import committed, produce

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.timeout(3600)]

KILLS = 10  # of one stretch; there are five
START_MS = 1_767_225_600_000
STEP_MS = 5_000  # from record to record
EVERY_MS = 600_000  # from request to request
A_ROUND = 5  # requests that fall due before each kill

CONFIGURATION = """
job: {{name: soak, checkpoints: {{every: 1 s}}}}
{kafka}
sources: {{predictions: {{{predictions}}}}}
sinks: {{events: {{{events}}}}}
models:
  churn:
    reference: {{learn: 100}}
    features: {{age: numeric}}
    window: {{size: 1 min, slide: 1 min, min_count: 1000}}
    retrain: {{when: [feature], every: 10 min, min_samples: 1, cooldown: 1 min}}
"""
ACTIONS = """
actions:
  - {{on: io.tidemark.retrain.requested, http: "{address}/hook"}}
  - {{on: io.tidemark.retrain.requested, command: ["{program}"]}}
"""
PROGRAM = """#!/bin/sh
cat > /dev/null
echo "$TIDEMARK_IDEMPOTENCY_KEY" >> {done}
"""


def record(number: int) -> Record:
    time_ms = START_MS + number * STEP_MS
    told = {
        "id": f"i{number}", "timestamp": time_ms, "model": "churn", "version": "3", "features": {"age": number % 70}
    }  # fmt: skip
    return Record(time_ms, 0, json.dumps(told).encode())


def expected(folder: Path, records: list[Record]) -> set[str]:
    """Ids of the requests that a backtest makes of the records, but for the last, which no later one confirms."""
    folder.mkdir()
    (folder / "data.jsonl").write_bytes(b"".join((each.line or b"") + b"\n" for each in records))
    text = CONFIGURATION.format(kafka="", predictions="path: data.jsonl", events="path: unused.jsonl")
    (folder / "monitors.yaml").write_text(text)
    command("backtest", folder / "monitors.yaml", "--events", folder / "events.jsonl")
    return requests((folder / "events.jsonl").read_bytes().splitlines(), records[-1].time_ms - EVERY_MS // 2)


def requests(messages: list[bytes], until_ms: int = 2**63) -> set[str]:
    events = [json.loads(message) for message in messages]
    made = [event for event in events if event["type"] == "io.tidemark.retrain.requested"]
    found = [event["id"] for event in made if milliseconds(event["time"]) < until_ms]
    assert len(found) == len(set(found)), "a request was committed twice"
    return set(found)


@pytest.mark.parametrize("seed", range(1, 6))
def test_all_of_it_is_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    """Ten times: some kills come while it acts or reads, the others whenever, at start-up too."""
    chance = random.Random(seed)
    part = A_ROUND * EVERY_MS // STEP_MS
    records = [record(number) for number in range((KILLS + 2) * part)]
    wanted = expected(tmp_path / "backtest", records)
    assert len(wanted) > KILLS * A_ROUND
    done, program = tmp_path / "done", tmp_path / "program.sh"
    done.touch()
    program.write_text(PROGRAM.format(done=done))
    program.chmod(0o755)

    def flaky(_: Asked) -> int:
        time.sleep(chance.random() / 10)
        return chance.choice([200, 200, 200, 503])

    with serving(flaky) as server, Broker(folder=tmp_path / "kafka") as broker:
        for topic in ("predictions", "events"):
            ensure_topic(broker.client, topic, 1)
        kafka = f'kafka: {{bootstrap: "{broker.bootstrap}"}}'
        text = CONFIGURATION.format(
            kafka=kafka, predictions="topic: predictions, start: earliest", events="topic: events"
        )
        (tmp_path / "monitors.yaml").write_text(text + ACTIONS.format(address=server.address, program=program))
        commands = {"job": ["run"], "listener": ["listen"]}
        for name in commands:
            (tmp_path / name).mkdir()

        def start(name: str) -> Live:
            return Live(tmp_path / name, *commands[name], str(tmp_path / "monitors.yaml"))

        running = {name: start(name) for name in commands}
        killed: Counter[str] = Counter()
        try:
            for number in range(KILLS):
                produce(broker, "predictions", records[number * part : (number + 1) * part])
                before, end = len(server.asked), time.monotonic() + 60
                # The job takes some seconds to begin, so most kills wait until something is under way.
                while chance.random() < 0.97 and len(server.asked) == before and time.monotonic() < end:
                    time.sleep(0.3)
                time.sleep(chance.random())
                victim = chance.choice(["broker", "job", "listener"])
                killed[victim] += 1
                if victim == "broker":
                    broker.kill()
                    time.sleep(3 * chance.random())
                    broker.start()
                else:
                    running[victim].kill()
                    running[victim] = start(victim)
                for name, live in running.items():
                    if live.ended:  # what could not begin, as the broker was away, is begun again
                        running[name] = start(name)
            produce(broker, "predictions", records[KILLS * part :])
            acted = lambda: {asked.headers["idempotency-key"] for asked in list(server.asked)}  # noqa: E731
            running["listener"].wait_for(lambda: acted() >= wanted and set(done.read_text().split()) >= wanted)
            time.sleep(5)  # for what would come once too often
            told = requests(committed(broker, "events"))
        finally:
            for live in running.values():
                live.kill()
    keys = Counter(asked.headers["idempotency-key"] for asked in server.asked)
    ran = Counter(done.read_text().split())
    assert wanted <= told
    assert set(keys) | set(ran) <= told
    # Only what was at hand at a kill is repeated, with the same key.
    assert sum(ran.values()) - len(ran) <= KILLS
    print(f"seed {seed}: {dict(killed)}, {len(told)} requests, {sum(ran.values()) - len(ran)} repeated")
