"""The tables of the store.

``events`` and ``summaries`` hold each message whole, beside what it is looked for by. ``episodes`` and ``requests``
are what events come to: the newest news of each; ``days`` what windows of records come to, added up; ``letters`` what
dead letters come to. Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

FORMAT: Final = 2  # 2: days, letters, places, changes
DAY_MS: Final = 86_400_000

metadata = MetaData()


def day_ms(time_ms: int) -> int:
    """When the day of a time began, of UTC."""
    return time_ms - time_ms % DAY_MS


about = Table("tidemark", metadata, Column("format", Integer, primary_key=True))

events = Table(
    "events",
    metadata,
    Column("id", String, primary_key=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("type", String, nullable=False),
    Column("source", String, nullable=False),
    Column("model", String),  # null: of a type that this release does not know
    Column("subject", String),
    Column("story", String),  # the episode or request that it is of
    Column("body", LargeBinary, nullable=False),  # as it came, compressed by zlib
    Index("events_by_model", "model", "time_ms"),
    Index("events_by_story", "story", "time_ms"),
    Index("events_by_time", "time_ms"),
)

episodes = Table(
    "episodes",
    metadata,
    Column("episode", String, primary_key=True),
    Column("incident", String, nullable=False),
    Column("source", String, nullable=False),
    Column("model", String, nullable=False),
    Column("version", String, nullable=False),
    Column("segment", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("role", String, nullable=False),
    Column("onset_ms", BigInteger, nullable=False),
    Column("detected_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),  # null: it goes on
    Column("why", String),  # it has ended
    Column("judgement", String),  # somebody's, of `tidemark ack`
    Column("muted", Boolean, nullable=False),
    Column("message", Text, nullable=False),
    Index("episodes_by_model", "model", "onset_ms"),
    Index("episodes_by_end", "ended_ms", "onset_ms"),
    Index("episodes_by_incident", "incident"),
)

requests = Table(
    "requests",
    metadata,
    Column("request", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("model", String, nullable=False),
    Column("version", String, nullable=False),
    Column("state", String, nullable=False),  # the last word of the newest event's type
    Column("time_ms", BigInteger, nullable=False),  # of the first event
    Column("updated_ms", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Index("requests_by_model", "model", "time_ms"),
)

summaries = Table(
    "summaries",
    metadata,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("model", String, nullable=False),
    Column("version", String, nullable=False),
    Column("segment", String, nullable=False),
    Column("about", String, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("exceeded", Integer, nullable=False),
    Column("expected", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the summary as it came, compressed by zlib
    Index("summaries_by_key", "model", "version", "segment", "about", "end_ms"),
    Index("summaries_by_time", "end_ms"),
    # All that is added up of a model's windows stands in the index: rows, which are large, are not read for it.
    Index("summaries_held", "model", "about", "end_ms", "count", "exceeded", "expected"),
)

keys = Table(
    "keys",
    metadata,
    Column("source", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("segment", String, primary_key=True),
    Column("about", String, primary_key=True),
    Column("end_ms", BigInteger, nullable=False),  # of its newest window
    Column("count", BigInteger, nullable=False),
    Column("size_ms", BigInteger, nullable=False),
    Column("status", String, nullable=False),
)

days = Table(  # what all windows of records come to that end in a day
    "days",
    metadata,
    Column("source", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("day_ms", BigInteger, primary_key=True),  # its beginning
    Column("windows", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("exceeded", BigInteger, nullable=False),
    Column("expected", Float, nullable=False),
    Index("days_by_time", "day_ms"),
)

letters = Table(  # dead and late records, counted by what is wrong with them
    "letters",
    metadata,
    Column("job", String, primary_key=True),
    Column("source", String, primary_key=True),  # name in the configuration
    Column("reason", String, primary_key=True),  # dead, late
    Column("error", String, primary_key=True),
    Column("day_ms", BigInteger, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("places", Text, nullable=False),  # of some of the last, a line each
    Index("letters_by_time", "day_ms"),
)

places = Table(  # up to where topics of dead letters are counted
    "places",
    metadata,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

changes = Table(  # how often anything was written: one row
    "changes",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
