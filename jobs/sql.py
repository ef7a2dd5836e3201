"""The graph's SQL, from Kafka's bytes to the panes, as named texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.plan import SourcePlan
from jobs.payload_time import payload_time
from operators.decode import LATEST_MS
from operators.reading.raw_lines import LIMIT

# A broker's time beyond all sense would lead the watermark there, and is more than the worker's arrays can hold: such
# records stand at 1970, where decode finds them.
BROKER_TIME = f"IF(broker < TO_TIMESTAMP_LTZ({LATEST_MS}, 3), broker, TO_TIMESTAMP_LTZ(0, 3))"

# No record that may be used is cut, and of one that is too long only so much crosses to Python as shows that.
LINE = f"CAST(line AS VARBINARY({LIMIT + 1}))"


def literal(text: str) -> str:
    """A text as SQL writes it.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def interval(milliseconds: int) -> str:
    """A span of time, up to 999 days: more digits before the unit than three are refused by the planner.

    >>> interval(90_500)
    "INTERVAL '0 00:01:30.500' DAY(3) TO SECOND(3)"
    """
    seconds, rest = divmod(milliseconds, 1000)
    days, seconds = divmod(seconds, 86_400)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
    return f"INTERVAL '{days} {clock}' DAY(3) TO SECOND(3)"


def options(settings: Mapping[str, str]) -> str:
    """The WITH clause of a table."""
    return ",\n  ".join(f"{literal(key)} = {literal(value)}" for key, value in settings.items())


def offsets(places: Mapping[int, int]) -> str:
    """Offsets by partition, as the connector's options have them.

    >>> offsets({0: 42, 1: 300})
    'partition:0,offset:42;partition:1,offset:300'
    """
    return ";".join(f"partition:{partition},offset:{offset}" for partition, offset in places.items())


def kafka_table(name: str, source: SourcePlan, settings: Mapping[str, str]) -> str:
    """A topic's raw records with their places and event times; the watermark follows each partition."""
    event_time = BROKER_TIME
    if source.time.kind == "payload":
        event_time = payload_time(source.fields.timestamp, source.max_skew_ms, BROKER_TIME)
    return f"""
CREATE TEMPORARY TABLE {name} (
  line BYTES,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  broker TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  et AS {event_time},
  WATERMARK FOR et AS et - {interval(source.out_of_orderness_ms)}
) WITH (
  {options(settings)}
)"""


def decoded(table: str, function: str, source: SourcePlan) -> str:
    """One row a record, keys and chunks on some of them. Lateness is decided row by row, before chunks are made."""
    own = f", {BROKER_TIME}" if source.time.kind == "payload" else ""
    return f"""
SELECT et, r.`keys` AS ks, r.chunks AS cs
FROM (SELECT et, {function}({LINE}, et, CURRENT_WATERMARK(et), `partition`, `offset`{own}) AS r FROM {table})"""


def chunks(decoded_queries: Sequence[str], files: Sequence[str]) -> str:
    """One row a chunk. The only condition near decode is that there are chunks: any other would lose those it drops."""
    parts = [f"SELECT et, k, chunk FROM {view}" for view in files]
    if decoded_queries:
        union = "\nUNION ALL\n".join(decoded_queries)
        parts.append(f"""
SELECT et, x.k AS k, cs[x.o] AS chunk
FROM ({union})
CROSS JOIN UNNEST(ks) WITH ORDINALITY AS x(k, o)
WHERE cs IS NOT NULL""")
    return "\nUNION ALL\n".join(parts)


def panes(pane_ms: int) -> str:
    """All chunks of a key and pane in one row; letters and counts (`direct`) beside the windows, at once."""
    return f"""
SELECT k, window_time AS t, ARRAY_AGG(chunk) AS chunks
FROM TABLE(TUMBLE(TABLE windowed, DESCRIPTOR(et), {interval(pane_ms)}))
GROUP BY k, window_start, window_end, window_time
UNION ALL
SELECT k, et AS t, ARRAY[chunk] AS chunks FROM direct"""


WINDOWED = "SELECT et, k, chunk FROM chunks WHERE k LIKE 'm%'"
DIRECT = "SELECT et, k, chunk FROM chunks WHERE k NOT LIKE 'm%'"

# Where there are labels. A graph without them stays as it is: Flink finds the state of its windows by its SQL.
WINDOWED_WITH_LABELS = WINDOWED + " OR k LIKE 'j%' OR k LIKE 'p%'"
DIRECT_WITH_LABELS = DIRECT + " AND k NOT LIKE 'j%' AND k NOT LIKE 'p%'"
