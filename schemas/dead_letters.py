"""Dead letters: records that could not be used, with their place and what is wrong with them."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from schemas import cloudevents
from schemas.cloudevents import MEDIA_TYPE, Time

SCHEMA: Final = "urn:tidemark:dead-letter:1"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that was not used.

    Its place is `topic`, `partition` and `offset`, or `path` and `row`. `error` says types and places, never values.
    """

    source: str  # name in the configuration
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    path: str | None = None
    row: int | None = None  # from 0, over all files of the source
    reason: Literal["dead", "late"]
    error: str
    event_time: Time | None = None  # where it is known
    payload: bytes | None = None  # the record itself, if the configuration asks for it; base64 in JSON
    truncated: bool = False  # `payload` is only the beginning


class DeadLetterEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The dead letter in its envelope."""

    specversion: Literal["1.0"]
    type: Literal["io.tidemark.record.dead", "io.tidemark.record.late"]
    source: str
    id: str
    time: Time | None = None
    subject: str
    datacontenttype: Literal["application/json"]
    dataschema: Literal["urn:tidemark:dead-letter:1"]
    data: DeadLetter


def encode(source: str, letter: DeadLetter) -> bytes:
    """The message of a job (`cloudevents.source`) about a record."""
    place = letter.topic if letter.path is None else letter.path
    where: tuple[str | int | None, ...] = (letter.partition, letter.offset) if letter.path is None else (0, letter.row)
    if letter.path is None and letter.offset is None:
        where = (letter.event_time, letter.error)  # of the control topic
    return cloudevents.encode(
        DeadLetterEvent(
            specversion="1.0",
            type="io.tidemark.record.late" if letter.reason == "late" else "io.tidemark.record.dead",
            source=source,
            id=cloudevents.identity(source, "dead letter", letter.source, str(place), *(part or 0 for part in where)),
            time=letter.event_time,
            subject=letter.source,
            datacontenttype=MEDIA_TYPE,
            dataschema=SCHEMA,
            data=letter,
        )
    )


def decode(data: bytes) -> DeadLetterEvent:
    """Read one dead letter; raises msgspec.ValidationError with the path of the first misfit."""
    return msgspec.json.decode(data, type=DeadLetterEvent)
