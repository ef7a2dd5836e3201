r"""Event time from a record's own text, in SQL: the watermark is made of it before any Python sees the record.

SQL has no names for what it has computed: each mention of an expression is computed again, and once more where
watermarks are made. So each step mentions the one before as seldom as can be, and the field is looked for by a
pattern where that cannot go wrong: to read the record as JSON takes 4 microseconds, a pattern less than one.

What `operators.reading.values.event_time` reads comes to the same millisecond here. Of what it does not read this may
make a time (30 February is 2 March), never one too far ahead: decode knows that the record is dead.
"""

from __future__ import annotations

import itertools
import re

from operators.reading.columns import steps

_LINE = "CAST(line AS STRING)"  # DECODE does not compile where watermarks are made
_VALUE = r'("[^"\\]*"|-?[0-9][0-9.eE+-]*)'
_SECONDS, _FRACTION, _ZONE = 1, 2, 3  # parts of a text
_TEXT = r'"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)((?:\.\d+)?)((?:[+-]\d\d:?\d\d)?)[Zz]?"'
_NUMBER = r"(-?\d[\dEe+.-]*)"

# What to leave out of a number with six digits after the point, that milliseconds remain, by digits before it.
_NOT_MILLISECONDS = "|".join(
    [
        r"(?<=^-?\d{1,11})\.|(?<=^-?\d{1,11}\.\d{3})\d{3}$",  # seconds
        r"(?<=^-?\d{12,14})\.\d{6}$",  # milliseconds
        r"(?<=^-?\d{12,14})\d{3}\.\d{6}$",  # microseconds
        r"(?<=^-?\d{12,13})\d{6}\.\d{6}$",  # nanoseconds
    ]
)


def payload_time(place: str, max_skew_ms: int, broker: str) -> str:
    """Event time of a record: its own, if that can be read and is at most so much ahead of the broker's.

    Otherwise the record is dead, and stands so much before the broker's time: ahead of no record that lags less,
    yet a partition of dead records alone does not hold all others back for ever.

    Parameters
    ----------
    place
        Where the record keeps its time, as in `FieldsPlan`.
    max_skew_ms
        How far the two clocks may be apart.
    broker
        The column with the broker's time, or an expression for it.
    """
    received = f"(EXTRACT(EPOCH FROM {broker}) * 1000 + EXTRACT(MILLISECOND FROM {broker}))"
    # How long before the latest time allowed: with a sign it is no match, hence null.
    before = f"REGEXP_EXTRACT(CAST({received} + {max_skew_ms} - {own_time(place)} AS STRING), '^\\d+$', 0)"
    chosen = f"IFNULL({received} + {max_skew_ms} - TRY_CAST({before} AS BIGINT), {received} - {max_skew_ms})"
    return f"IFNULL(TO_TIMESTAMP_LTZ({chosen}, 3), {broker})"


def own_time(place: str) -> str:
    """Milliseconds since 1970 that the column `line` says of its time; null where it is not known to be one."""
    path = steps(place)
    as_json = _milliseconds(field(path), r"^\[", r"\]$")
    if not path or not re.fullmatch(r"\w[\w -]*", path[-1], re.ASCII) or path[-1].isdigit():
        return as_json
    # A key that stands in the text once, with a value of its own, is the one: any other would be a second one.
    key = f'"{path[-1]}"'
    before = rf"{key}\s*:\s*"
    once = f"SPLIT_INDEX({_LINE}, {_literal(key)}, 2) IS NULL AND REGEXP({_LINE}, {_literal(before + _VALUE)})"
    return f"CASE WHEN {once} THEN {_milliseconds(_LINE, before, '')} ELSE {as_json} END"


def field(path: tuple[str, ...]) -> str:
    """A field of the column `line` as JSON in brackets, which show its type; null where there is none."""
    paths = itertools.product(*map(_selectors, path))
    found = [
        f"JSON_QUERY({_LINE}, {_literal('strict $' + ''.join(each))} WITH UNCONDITIONAL ARRAY WRAPPER)"
        for each in paths
    ]
    return found[0] if len(found) == 1 else f"COALESCE({', '.join(found)})"


def _selectors(step: str) -> list[str]:
    """A key of an object; of digits alone it may be the position in an array as well."""
    quoted = step.replace("\\", "\\\\").replace('"', '\\"')
    return [f'["{quoted}"]', *([f"[{int(step)}]"] if step.isascii() and step.isdigit() else [])]


def _milliseconds(text: str, before: str, after: str) -> str:
    """Milliseconds since 1970 of the value between two patterns."""

    def part(pattern: str, number: int) -> str:
        return f"REGEXP_EXTRACT({text}, {_literal(before + pattern + after)}, {number})"

    # The parser reads one zone and no further: the Z at the end is for texts without one.
    clock = f"OVERLAY({part(_TEXT, _SECONDS)} PLACING ' ' FROM 11 FOR 1)"
    moment = f"CONCAT({clock}, REPLACE({part(_TEXT, _ZONE)}, ':', ''), 'Z')"
    fraction = f"CAST(RPAD(SUBSTRING({part(_TEXT, _FRACTION)}, 2), 3, '0') AS BIGINT)"
    of_text = f"UNIX_TIMESTAMP({moment}, 'yyyy-MM-dd HH:mm:ssXX') * 1000 + {fraction}"
    number = f"CAST(TRY_CAST({part(_NUMBER, 1)} AS DECIMAL(38, 6)) AS STRING)"
    return f"IFNULL({of_text}, TRY_CAST(REGEXP_REPLACE({number}, {_literal(_NOT_MILLISECONDS)}, '') AS BIGINT))"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
