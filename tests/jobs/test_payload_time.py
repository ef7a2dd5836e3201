from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone

import pytest

from jobs.payload_time import field, payload_time
from operators.reading.columns import follow, steps
from operators.reading.values import Gap, event_time
from tests.jobs.conftest import BROKER_MS

SKEW_MS = 3_600_000

TEXTS = [
    *("2026-01-01T00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01 00:00:00Z", "2026-01-01_00:00:00Z"),
    *("2026-01-01T00:00:00", "2026-01-01T00:00:00+02:00", "2026-01-01T00:00:00+0200", "2026-01-01T00:00:00+02"),
    *("2026-01-01T00:00:00 +02:00", "2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00+23:59"),
    *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00-18:30", "2025-12-31T18:30:00.5-05:30"),
    *("2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00.5", "2026-01-01T00:00:005Z"),
    *(f"2026-01-01T00:00:00.{digits}Z" for digits in ("", "1", "12", "123", "1239", "9999999", "000000001", "0" * 40)),
    *("2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00.5+05:30", "2026-01-01T00:00:00.5+0530"),
    *("2026-01-01", "2026-01-01T00:00Z", "20260101T000000Z", "2026-1-1T00:00:00Z", "02026-01-01T00:00:00Z"),
    *(f"{year}-02-29T12:00:00Z" for year in (1900, 2000, 2023, 2024, 2025, 2100, 2400)),
    *(f"2025-{month:02}-{day}T12:00:00Z" for month in range(14) for day in ("00", "01", "28", "29", "30", "31", "32")),
    *("2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z", "2026-01-01T23:60:00Z", "2026-01-01T23:59:59.999Z"),
    *("1583-01-01T00:00:00Z", "1969-12-31T23:59:59.9995Z", "1970-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
    *(" 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z ", "2026-01-01T00:00:00Z\n", "+2026-01-01T00:00:00Z"),
    *("2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00UTC", "2026-01-01T00:00:00[UTC]", "\u0662026-01-01T00:00:00Z"),
    *("", "x", "1767225600", "1767225600000", "null", "true", "[1767225600]", '"]', "now", "2026-01-01T00:00:00Z\0"),
]
NUMBERS = [
    *("0", "-0", "1", "-1", "0.001", "1.001", "1.0009995", "1.0009994", "-1.0009995", "0.0005", "-0.0005"),
    *("1e0", "1E+3", "1767225600", "1767225600.25", "1767225600.123456789", "1.7672256e9", "17672256E2"),
    *("1767225600.9999999", "1767225600.0", "1767225600123", "1767225600123.999", "1767225600123456"),
    *("1767225600123456.7", "1767225600123456789", "1.767225600123456789e18", "1.767225600123456e15"),
    *("-1767225600123", "-1767225600123456", "-1767225600123456789", "99999999999", "99999999999.9"),
    *("99999999999.9999999", "100000000000", "99999999999999", "99999999999999.9", "100000000000000"),
    *("99999999999999999", "100000000000000000", "9999999999999999999", "10000000000000000000"),
    *("253402300799", "253402300799.999", "253402300800", "-62135596800", "1e300", "-1e300", "1e-300", "1" + "0" * 400),
]
ANYTHING = [
    *("null", "true", "false", "[]", "[1767225600]", '["2026-01-01T00:00:00Z"]', "{}", '{"a": 1}', '{"ts": 1767225600}')
]


def random_values(count: int) -> list[str]:
    """JSON texts of times of every form, near enough to be used."""
    chance = random.Random(20260101)
    made = []
    for _ in range(count):
        at_ms = BROKER_MS - chance.randrange(10**10)
        digits = "".join(chance.choice("0123456789") for _ in range(9))[: chance.randrange(1, 10)]
        offset = timedelta(minutes=chance.randrange(-23 * 60, 23 * 60))
        moment = datetime.fromtimestamp(at_ms // 1000, timezone(offset)).isoformat(chance.choice("Tt "))
        forms = [
            f"{at_ms // 1000}",
            f"{at_ms // 1000}.{digits}",
            f"{at_ms}",
            f"{at_ms}{digits[:3]:0<3}",
            f"{at_ms}{digits[:6]:0<6}",
            json.dumps(moment),
            json.dumps(f"{moment[:19]}.{digits}{moment[19:]}"),
            json.dumps(f"{moment[:19]}.{digits}{chance.choice(['Z', 'z', ''])}"),
        ]
        made.append(chance.choice(forms))
    return made


def in_milliseconds(time: str) -> str:
    return f"EXTRACT(EPOCH FROM {time}) * 1000 + EXTRACT(MILLISECOND FROM {time})"


def differing(values, found):
    """Values of which SQL takes another time than decode does; of those that decode does not take, too far ahead."""
    times = [(value, time_ms, event_time(json.loads(value))) for value, time_ms in zip(values, found, strict=True)]
    latest_ms = BROKER_MS + SKEW_MS
    wrong = [
        (value, time_ms, wanted)
        for value, time_ms, wanted in times
        if (time_ms > latest_ms if isinstance(wanted, Gap) or wanted > latest_ms else time_ms != wanted)
    ]
    taken = sum(not isinstance(wanted, Gap) for _, _, wanted in times)
    return wrong, taken


SHAPES = {
    "once": b'{"id": 1, "timestamp" :  @ , "features": {}}',
    "last": b'{"id": 1, "timestamp":@}',
    "twice": b'{"features": {"timestamp": "2020-01-01T00:00:00Z"}, "timestamp": @, "kind": "timestamp"}',
    "spelled otherwise": b'{"time\\u0073tamp": @}',
}


@pytest.mark.e2e
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_sql_agrees_with_decode(sql, shape):
    """Over texts and numbers of every form, in records of any shape, SQL takes the millisecond that decode takes."""
    values = [*map(json.dumps, TEXTS), *NUMBERS, *ANYTHING, *random_values(2_000)]
    lines = [shape.replace(b"@", value.encode()) for value in values]
    found = sql(lines, in_milliseconds(payload_time("/timestamp", SKEW_MS, "broker")))
    wrong, taken = differing(values, found)
    assert wrong == []
    assert taken > 2_000


@pytest.mark.e2e
def test_the_watermark_is_led_nowhere(sql):
    """A record without a time that can be read, or with one too far ahead, stands where it leads no other."""
    lines = [
        *(None, b"", b"x", b"[]", b"{}", b'{"timestamp": "2099-01-01T00:00:00Z"}', b'{"timestamp": 4070908800}'),
        *(b'{"timestamp": "2026-01-01T01:00:00.124Z"}', b'\xff{"timestamp": 1}', b'{"Timestamp": 1}'),
        *(b'{"a": {"timestamp": 1}}', b'{"timestamp": "2026-01-01T01:00:00.123Z"}'),
        *(b'{"timestamp": 1, "timestamp": 2}', b'{"x": "\xff", "timestamp": 3}'),
    ]
    found = sql(lines, in_milliseconds(payload_time("/timestamp", SKEW_MS, "broker")))
    nowhere = BROKER_MS - SKEW_MS
    assert found[:8] == [nowhere] * 8
    assert found[8:] == [1_000, nowhere, 1_000, BROKER_MS + SKEW_MS, 2_000, 3_000]  # what decode refuses may be early


@pytest.mark.e2e
@pytest.mark.parametrize(
    "place",
    [
        "/meta/ts",
        "ts",
        "/a.b",
        "/a b",
        "/it's",
        '/"',
        "/back\\slash",
        "/ключ",
        "/~1~0",
        "/0",
        "/list/0/ts",
        "/list/1",
        "/*",
        "/a][",
    ],
)
def test_where_the_time_stands(sql, place):
    """A pointer leads SQL where it leads decode, through keys of any spelling and into arrays."""
    path = steps(place)
    documents = [{"list": [{"ts": 1}, 2], "meta": {"ts": 3}, "ts": 4, "": 5}, {"list": {"0": {"ts": 6}, "1": 7}}]
    document: object = 8
    for step in reversed(path):
        document = {step: document}
    documents.append(document)
    lines = [json.dumps(one).encode() for one in documents]
    found = sql(lines, f"JSON_QUERY({field(path)}, '$[0]' WITH UNCONDITIONAL ARRAY WRAPPER)")
    assert [None if text is None else json.loads(text) for text in found] == [
        None if (value := follow(one, path)) is None else [value] for one in documents
    ]
