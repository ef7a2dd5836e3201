"""Late records and records that cannot be used: each is told with its place, and the rest is as without them."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from jobs.broker import Broker
from operators.encoding.letters import PAYLOAD_LIMIT
from tests.e2e.comparing import assert_same, comparable
from tests.e2e.conftest import Known
from tests.e2e.running import tidemark
from tests.e2e.stream import Record, configure
from tests.e2e.test_same_events import records
from tests.e2e.topics import committed, create, produce

pytestmark = pytest.mark.e2e

LATER_MS = 600_000  # from the time that a record is about to the time at which the broker got it
SECRET = "Ytterby"  # in every bad record, and in no error
TIME = "2026-01-05T10:01:40Z"


def line(**changes: object) -> bytes:
    """A good record of its time but for the changes."""
    document = {"id": SECRET, "meta": {"ts": TIME}, "model": "fraud", "features": {"amount": 7.5}, "prediction": 0.5}
    return json.dumps(document | changes).encode()


def at(time: object) -> bytes:
    """A record that says this of its time."""
    return line(meta={"ts": time})


def sent(record: Record) -> Record:
    """The record as it reaches the broker, later, its time moved to where the source says that it stands."""
    document = json.loads(record.line or b"")
    document["meta"] = {"ts": document.pop("timestamp")}
    return Record(record.time_ms + LATER_MS, record.partition, json.dumps(document).encode())


def raw(features: bytes) -> bytes:
    """A record with features that JSON may not have."""
    return line(features=0).replace(b'"features": 0', b'"features": ' + features)


BAD: dict[str, tuple[bytes | None, str]] = {
    "empty": (b"", "expected a JSON object, got an empty line"),
    "a tombstone": (None, "a tombstone: the record has no value"),
    "no time": (at(None), "'timestamp': is missing at /meta/ts"),
    "the year 2099": (
        at("2099-01-01T00:00:00Z"), "'timestamp': more than 1 h ahead of the broker's time at /meta/ts"
    ),
    "today": (at("today"), "'timestamp': expected RFC 3339 text or a number at /meta/ts"),
    "truncated": (line()[:-12], "not JSON: input data was truncated"),
    "not JSON": (SECRET.encode(), "not JSON: invalid character (byte 0)"),
    "an array": (b'["Ytterby"]', "expected an object, got an array"),
    "wrong shape": (line(features=[SECRET]), "'features': expected an object, got an array at /features"),
    "deep nesting": (
        line(other=0).replace(b'"other": 0', b'"other": ' + b"[" * 50_000 + b"]" * 50_000),
        "not JSON: nested more than 200 levels deep",
    ),
    "an unknown model": (line(model=SECRET), "'model': not one of the configuration's models at /model"),
    "no model": (line(model=None), "'model': the record names none at /model (neither does the source)"),
    "number overflow": (raw(b'{"amount": 1e400}'), "a number beyond the range of floats at /features/amount"),
    "invalid UTF-8": (line().replace(b"Ytterby", b"Ytterby\xff"), "not UTF-8"),
    "NaN": (raw(b'{"amount": NaN}'), "not JSON: NaN (byte 99), which JSON does not have; write null"),
    "Infinity": (raw(b'{"amount": -Infinity}'), "not JSON: Infinity (byte 100), which JSON does not have; write null"),
    "a byte order mark": (b"\xef\xbb\xbf" + line(), "not JSON: begins with a byte order mark"),
    "10 MB": (line(other="x" * 10_000_000), "a record of more than 1048576 bytes"),
}  # fmt: skip


def places(records: list[Record]) -> dict[tuple[int, int], Record]:
    """Records by partition and offset."""
    seen: Counter[int] = Counter()
    found = {}
    for record in records:
        found[record.partition, seen[record.partition]] = record
        seen[record.partition] += 1
    return found


def test_through_a_topic(folder: Path, late: Known, broker: Broker) -> None:
    """All kinds at once, and one in a hundred records late, at the times that the records say themselves.

    The events are those of these times, and no bad one moves a watermark.
    """
    mixed = [sent(record) for record in late.records]
    bad = [Record(mixed[5000].time_ms, number % 2, data) for number, (data, _) in enumerate(BAD.values())]
    everything = [*mixed[:5000], *bad, *mixed[5000:]]
    create(broker, "bad")
    produce(broker, "bad", everything)
    configure(
        folder,
        "predictions: {topic: bad, time: payload, fields: {timestamp: /meta/ts}}, on_unknown_model: dead_letter",
        "events: {topic: bad-events}, summaries: {topic: bad-summaries}, "
        "dead_letters: {topic: bad-letters, payload: full}",
        kafka=broker.bootstrap,
    )
    ended = tidemark(folder, "run", "monitors.yaml", "--bounded", "--json", "--parallelism", "2")
    letters: list[dict[str, Any]] = [json.loads(message)["data"] for message in committed(broker, "bad-letters")]
    found = {(letter["partition"], letter["offset"]): letter for letter in letters}
    assert len(found) == len(letters)
    expected = places(everything)
    errors = {id(record): error for record, (_, error) in zip(bad, BAD.values(), strict=True)}
    dead = {place: letter for place, letter in found.items() if letter["reason"] == "dead"}
    assert {place: letter["error"] for place, letter in dead.items()} == {
        place: errors[id(record)] for place, record in expected.items() if id(record) in errors
    }
    for place, letter in found.items():
        assert (letter["source"], letter["topic"]) == ("predictions", "bad")
        assert SECRET not in letter["error"]
        data = expected[place].line
        if data is None:
            assert "payload" not in letter
        else:
            assert base64.b64decode(letter["payload"]) == data[:PAYLOAD_LIMIT]
        assert letter.get("truncated", False) == (data is not None and len(data) > PAYLOAD_LIMIT)

    told = {place for place, letter in found.items() if letter["reason"] == "late"}
    late_lines = {sent(record).line for record in late.records if record.line in late.late}
    assert told == {place for place, record in expected.items() if record.line in late_lines}
    assert all(found[place]["error"] == "its pane was already closed when it came" for place in told)
    # What becomes of unknown models is part of the configuration's id.
    assert_same(comparable(committed(broker, "bad-events")), comparable(late.events))
    assert ended.totals["records"] == records(len(everything), dead=len(BAD), late=len(told))
    assert ended.totals["events"] == dict(Counter(json.loads(event)["type"] for event in late.events))

    summaries = [json.loads(message) for message in committed(broker, "bad-summaries")]
    first = next(s["data"] for s in summaries if s["subject"] == "churn/1/all" and s["data"]["window"]["count"] > 1000)
    within = [json.loads(record.line or b"") for record in late.records if record.line not in late.late]
    window = first["window"]
    income = [
        each["features"].get("income")
        for each in within
        if each["model"] == "churn" and each["version"] == "1" and window["start"] <= each["timestamp"] < window["end"]
    ]
    assert window["count"] == len(income)
    assert first["counts"]["feature.income"] == {
        "missing": income.count(None), "invalid": income.count("a lot"), "unseen": 0
    }  # fmt: skip
