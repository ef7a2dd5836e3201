"""The scanner beside msgspec: what it takes it reads alike, to the bit, and it takes what is common."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import numpy as np
import pytest

from config.plan import SegmentPlan
from operators.profiles.references import References
from operators.reading import scanner
from operators.reading.columns import names, numbers
from operators.reading.identities import Identities
from operators.reading.json_records import JsonReader
from operators.reading.plain_times import NO_TIME
from operators.reading.records import Reading, layout
from operators.reading.scan import scan
from operators.reading.values import event_time
from tests.operators.decoding import TOPIC, job, line, model, record

SEGMENTS = (SegmentPlan(fields=("plan",)), SegmentPlan(fields=("country", "age")), SegmentPlan(fields=("member",)))


def made() -> JsonReader:
    """Reads records of one model with numbers, names, truths and segments."""
    references = job(models=(model(segments=SEGMENTS),))
    layouts = {one.name: layout(one, "/group") for one in references.plan.models}
    return JsonReader(TOPIC, layouts, Identities(References(references), TOPIC))


READER = made()


def bits(values: Any) -> list[int]:
    """Floats as whole numbers, all NaN alike."""
    plain = np.where(np.isnan(values), np.nan, values)
    return np.ascontiguousarray(plain).view(np.uint64).ravel().tolist()


def content(reading: Reading) -> dict[str, Any]:
    """All that a batch comes to."""
    found: dict[Any, Any] = {}
    for whose, rows in reading.groups.items():
        taken = reading.take(whose[0], np.array(rows, np.int64))
        columns = {"prediction": taken.prediction, **taken.names, **{f"of {n}": c for n, c in taken.segments.items()}}
        found[whose] = {
            "rows": taken.rows.tolist(),
            "numbers": bits(taken.numbers),
            "confidence": bits(taken.confidence),
            "prediction": bits(numbers(taken.prediction)),
            "names": {name: names(column) for name, column in columns.items()},
            "truths": {name: names(column, booleans=True) for name, column in columns.items()},
            "hashes": taken.hashes.tolist(),
        }
    rows = [row for row in range(reading.rows) if row not in reading.dead]
    times = [(type(time), time) for time in reading.timestamps(rows)]
    plain = reading.plain_times()[rows].tolist()
    assert all(plain_ms in (NO_TIME, event_time(time)) for plain_ms, (_, time) in zip(plain, times, strict=True))
    return {"dead": reading.dead, "ignored": sorted(reading.ignored), "times": times, "records": found}


def check(lines: list[bytes | None]) -> int:
    """Read a batch both ways; give how many records the scanner took."""
    assert content(READER.read(lines)) == content(READER.read_each(lines))
    return taken(lines)


def taken(lines: list[bytes | None]) -> int:
    assert READER._scanner is not None
    return int(READER._scanner.scan(lines).taken.sum())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"id": 17},
        {"id": None},
        {"id": 2**63 - 1},
        {"timestamp": 1_767_225_600},
        {"timestamp": 1_767_225_600_123_456_789},
        {"timestamp": 1_767_225_600.25},
        {"timestamp": None},
        {"model": "another"},
        {"version": 4},
        {"version": None},
        {"role": "shadow"},
        {"role": "nonsense"},
        {"prediction": 1},
        {"prediction": 0.25},
        {"prediction": True},
        {"prediction": None},
        {"confidence": 0.5},
        {"confidence": 1},
        {"confidence": None, "probabilities": None},
        {"probabilities": {}},
        {"probabilities": {"no": 1e-5, "yes": 1}},
        {"country": None},
        {"country": 49},
        {"country": False},
        {"features": {}},
        {"features": {"age": None, "income": -0.0, "plan": None, "member": None}},
        {"features": {"age": 10**18, "income": 5e-100, "plan": 7, "member": 1}},
        {"features": {"age": 1, "plan": 2.5, "member": False, "country": "US"}},
        {"unknown": "a text", "another": 1.5e300, "third": None, "fourth": True},
    ],
    ids=str,
)
def test_what_is_common_is_taken(changes: dict[str, Any]) -> None:
    """Compact or with blanks, with or without a line end, between other records or alone."""
    document = record(**changes)
    compact = json.dumps(document, separators=(",", ":")).encode()
    lines = [json.dumps(document).encode(), compact, compact + b"\r\n"]
    assert check([*lines]) == 3
    assert check([line(), *lines, line()]) == 5


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b"{}x",
        b"[]",
        b"{,}",
        b'{"id":"a",}',
        b'{"id":"a" "model":"churn"}',
        b'{"id":"a","id":"b"}',
        b'{"id" :"a"}',
        b'{"id":1.5}',
        b'{"id":-0}',
        b'{"id":true}',
        b'{"id":"a\tb"}',
        b'{"id":"a\\"b"}',
        b'{"id":"\xc3\xa4"}',
        b'{"id":"\xff"}',
        b'{"id":"a","features":{"age":01}}',
        b'{"id":"a","features":{"age":1.}}',
        b'{"id":"a","features":{"age":.5}}',
        b'{"id":"a","features":{"age":+1}}',
        b'{"id":"a","features":{"age":1e}}',
        b'{"id":"a","features":{"age":NaN}}',
        b'{"id":"a","features":{"age":Infinity}}',
        b'{"id":"a","features":{"age":1e999}}',
        b'{"id":"a","features":{"age":"41"}}',
        b'{"id":"a","features":{"age":true}}',
        b'{"id":"a","features":{"age":nul}}',
        b'{"id":"a","features":{"age":nulL}}',
        b'{"id":"a","features":{"age":1,"age":2}}',
        b'{"id":"a","features":null}',
        b'{"id":"a","features":[]}',
        b'{"id":"a","features":{}}}',
        b'{"id":"a","features":{}',
        b'{"id":"a","prediction":123456789012345678}',
        b'{"id":"a","prediction":{}}',
        b'{"id":"a","probabilities":{"yes":0.1,"yes":0.2}}',
        b'{"id":"a","probabilities":{"yes":null}}',
        b'{"id":"a","probabilities":{"yes":0.1,}}',
        b'{"id":"a","probabilities":{"yes"}}',
        b'{"id":"a","probabilities":0.5}',
        b'{"id":"a","version":1.5}',
        b'{"id":"a","model":5}',
        b'{"id":"a","nested":{"b":1}}',
        b'\xef\xbb\xbf{"id":"a"}',
        b'\t{"id":"a"}',
    ],
)
def test_what_is_odd_is_left(text: bytes) -> None:
    """It comes to the same as ever, and so do the records before and behind it."""
    assert taken([text]) == 0
    assert check([text]) == 0
    assert check([line(), text, text, line()]) == 2
    assert check([line(), None, text]) == 1


def test_keys_in_any_order() -> None:
    """Of the record, of its features, with keys that nobody asked for between."""
    draw = random.Random(1)
    lines: list[bytes | None] = []
    for _ in range(300):
        document = record(unknown=1, more="x")
        parts = list(document["features"].items())
        draw.shuffle(parts)
        document["features"] = dict(parts[: draw.randrange(6)])
        whole = list(document.items())
        draw.shuffle(whole)
        lines.append(json.dumps(dict(whole[: draw.randrange(1, 12)])).encode())
    assert check(lines) == len(lines)


def a_number(draw: random.Random) -> str:
    """A number, or what looks like one."""
    kind = draw.randrange(8)
    if kind == 0:
        return repr(struct.unpack("d", struct.pack("Q", draw.getrandbits(64)))[0])
    if kind == 1:
        return str(draw.randrange(-(10 ** draw.randrange(1, 20)), 10 ** draw.randrange(1, 20)))
    if kind == 2:
        return f"{draw.uniform(-1, 1) * 10 ** draw.randrange(-5, 8):.{draw.randrange(20)}f}"
    if kind == 3:
        return f"{draw.randrange(100)}.{draw.randrange(10 ** draw.randrange(1, 20))}e{draw.randrange(-330, 310)}"
    if kind == 4:
        return f"0.{'0' * draw.randrange(30)}{draw.randrange(10**15)}E{draw.choice('+-')}{draw.randrange(30)}"
    if kind == 5:
        return repr(draw.gauss(0, 1) * 10 ** draw.randrange(-20, 20))
    if kind == 6:  # halfway between two floats
        return str(draw.randrange(2**52, 2**53) * 2 + 1)
    return f"{draw.randrange(2**64)}e{draw.randrange(-340, 300)}"


def test_numbers_to_the_bit() -> None:
    """Of all sizes and forms; few are left."""
    draw = random.Random(2)
    lines: list[bytes | None] = [b'{"features":{"age":%b}}' % a_number(draw).encode() for _ in range(40_000)]
    assert check(lines) > 0.75 * len(lines)


def test_damaged_records() -> None:
    """Bytes changed, lost, put in and repeated: the scanner takes none that msgspec would not, or reads otherwise."""
    draw = random.Random(3)
    lines: list[bytes | None] = []
    for number in range(20_000):
        text = bytearray(line(id=f"a{number}", features={"age": draw.gauss(40, 9), "plan": "gold", "member": True}))
        for _ in range(draw.randrange(1, 3)):
            at, kind = draw.randrange(len(text)), draw.randrange(4)
            if kind == 0:
                text[at] = draw.randrange(256)
            elif kind == 1:
                del text[at]
            elif kind == 2:
                text.insert(at, draw.choice(b'"{}[],:.0123456789eE+-\\ \n\tntf'))
            else:
                text[at:at] = text[at : at + draw.randrange(30)]
        lines.append(bytes(text))
    assert 0 < check(lines) < len(lines)


def test_beyond_the_end() -> None:
    """What the next record begins with is no part of one that is cut off."""
    whole = line()
    for length in range(1, len(whole)):
        assert check([whole[:length], whole[length:], whole]) == 1


def test_compiled_once() -> None:
    """Another form of an argument would be compiled at run time, for seconds, in a worker."""
    check([line()])
    assert [len(each.signatures) for each in (scan, scanner._gather)] == [1, 1]
