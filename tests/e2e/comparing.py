"""Byte for byte comparison of messages, with differences that a person can read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable


def assert_same(found: Iterable[bytes], expected: Iterable[bytes]) -> None:
    """Check that the same messages were found as expected, in any order, each as often."""
    many, few = Counter(found), Counter(expected)
    assert not (many - few) + (few - many), "\n".join(
        ["found, but not expected:", *_told(many - few), "expected, but not found:", *_told(few - many)]
    )


def comparable(messages: Iterable[bytes]) -> list[bytes]:
    """Drift events without the id of the configuration, for runs whose models or sources are told otherwise."""
    events = [json.loads(message) for message in messages]
    for event in events:
        event["data"].pop("configuration", None)
    return [json.dumps(event).encode() for event in events if event["type"].startswith("io.tidemark.drift.")]


def _told(lines: Counter[bytes]) -> list[str]:
    return sorted(f"  {count} x {_short(line)}" for line, count in lines.items())


def _short(line: bytes) -> str:
    event = json.loads(line)
    data = event["data"]
    own = {key: value for key, value in data.items() if key not in ("signals", "configuration", "reference")}
    return f"{event['time']} {event['id'][:8]} {event['type']} {event['subject']} {own}"
