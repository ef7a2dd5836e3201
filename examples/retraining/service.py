"""The service that uses the model: says who will default as loans come, and two seconds later hears who did."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

import numpy as np
from confluent_kafka import Producer
from loans import FEATURES, loans
from models import roles, score

RATE = 500  # loans a second
TICK_S = 0.5
LABELS_AFTER_S = 2.0
RATES_RISE_AFTER_S = float(os.environ.get("RATES_RISE_AFTER_S", "25"))


def main() -> None:
    """Serve until it is stopped."""
    producer = Producer({"bootstrap.servers": os.environ["BROKER"]})
    rng = np.random.default_rng(2)
    began, served, waiting, rose, known = time.monotonic(), 0, [], False, {}
    while True:
        passed = time.monotonic() - began
        if not rose and passed > RATES_RISE_AFTER_S:
            rose = True
            tell("interest rates rise: the same kind of customers, but others of them default now")
        new = loans(rng, max(0, int(passed * RATE) - served), rates_rose=rose)
        names = [f"loan-{served + number}" for number in range(len(new))]
        for role, version in (now := roles()).items():
            if known.get(role) != version:
                tell(f"version {version} is the {role}")
            rows = zip(names, new[FEATURES].to_dict("records"), score(version, new), strict=True) if names else ()
            for name, features, prediction in rows:
                record = {"id": name, "model": "loans", "version": version, "role": role}
                send(producer, "predictions", name, record | {"features": features, "prediction": prediction})
        known = now
        waiting += [(passed + LABELS_AFTER_S, name, label) for name, label in zip(names, new["label"], strict=True)]
        while waiting and waiting[0][0] <= passed:
            _, name, label = waiting.pop(0)
            send(producer, "labels", name, {"id": name, "label": label})
        producer.flush()
        served += len(new)
        time.sleep(TICK_S)


def send(producer: Producer, topic: str, key: str, value: dict[str, object]) -> None:
    """Put a message on a topic."""
    producer.produce(topic, json.dumps(value), key)


def tell(line: str) -> None:
    """Say what happens here."""
    print(f"{time.strftime('%H:%M:%S')}  service     {line}", flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
