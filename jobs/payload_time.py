r"""Event time from a record's own text, in SQL: the watermark is made of it before any Python sees the record.

Each expression uses the one before it as few times as can be, for SQL has no names for what it has computed, and
to find a field in a JSON text takes 4 microseconds each time. It reads what `operators.values.event_time` reads:

- RFC 3339 text: ``["2026-01-01T01:00:00.25+01:00"]`` (the field in brackets shows its type)
  -> seconds of ``2026-01-01 01:00:00+0100``, times 1000, plus ``250``, which is null where the text is no time
- a number: ``[1.76722560025E+9]`` -> ``1767225600.250000`` -> ``1767225600250``
"""

from __future__ import annotations

import itertools

from operators.columns import steps

# Dates that there are, as the parser behind UNIX_TIMESTAMP takes the 30th of February for the 2nd of March.
_LEAP = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
_MONTHS = r"(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8])"
_DATE = rf"(?!0000)(?:\d{{4}}-(?:{_MONTHS})|{_LEAP})"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
_ZONE = r"[Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d"
_TEXT = rf'^\["{_DATE}[Tt ]{_CLOCK}((?:\.\d+)?)(?:{_ZONE})?"\]$'
_NOT_PARSED = r'^\["|\.\d+|(?<=[+-]\d\d):(?=\d\d"\]$)|[Zz]?"\]$'  # brackets, fraction, colon and Z of the zone

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
    own = milliseconds(field(place))
    received = f"(EXTRACT(EPOCH FROM {broker}) * 1000 + EXTRACT(MILLISECOND FROM {broker}))"
    # How long before the latest time allowed: with a sign it is no match, hence null.
    before = f"REGEXP_EXTRACT(CAST({received} + {max_skew_ms} - {own} AS STRING), '^\\d+$', 0)"
    chosen = f"IFNULL({received} + {max_skew_ms} - TRY_CAST({before} AS BIGINT), {received} - {max_skew_ms})"
    return f"IFNULL(TO_TIMESTAMP_LTZ({chosen}, 3), {broker})"


def field(place: str) -> str:
    """A field of the column `line` in brackets, as JSON; null where there is none."""
    text = "CAST(line AS STRING)"  # DECODE does not compile where watermarks are made
    paths = itertools.product(*map(_selectors, steps(place)))
    found = [f"JSON_QUERY({text}, {_literal('strict $' + ''.join(p))} WITH UNCONDITIONAL ARRAY WRAPPER)" for p in paths]
    return found[0] if len(found) == 1 else f"COALESCE({', '.join(found)})"


def _selectors(step: str) -> list[str]:
    """A key of an object; of digits alone it may be the position in an array as well."""
    quoted = step.replace("\\", "\\\\").replace('"', '\\"')
    return [f'["{quoted}"]', *([f"[{int(step)}]"] if step.isascii() and step.isdigit() else [])]


def milliseconds(field: str) -> str:
    """Milliseconds since 1970 of a field's JSON in brackets; null where it is no time."""
    # The parser reads one zone and no further: the Z at the end is for texts without one.
    bare = f"REGEXP_REPLACE({field}, {_literal(_NOT_PARSED)}, '')"
    seconds = f"UNIX_TIMESTAMP(OVERLAY({bare} PLACING ' ' FROM 11) || 'Z', 'yyyy-MM-dd HH:mm:ssXX')"
    fraction = f"RPAD(SUBSTRING(REGEXP_EXTRACT({field}, {_literal(_TEXT)}, 1), 2), 3, '0')"
    number = f"TRY_CAST(REGEXP_EXTRACT({field}, '^\\[(-?\\d[\\dE+.-]*)\\]$', 1) AS DECIMAL(38, 6))"
    digits = f"REGEXP_REPLACE(CAST({number} AS STRING), {_literal(_NOT_MILLISECONDS)}, '')"
    return f"IFNULL({seconds} * 1000 + TRY_CAST({fraction} AS BIGINT), TRY_CAST({digits} AS BIGINT))"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
