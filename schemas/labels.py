"""Labels coming in: the true outcome of a record, found by the record's id, in their default JSON shape."""

from __future__ import annotations

import msgspec

from schemas.records import EventTime


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the record `id` should have predicted. It is placed at its arrival, whatever its `timestamp`.

    `model` is needed where several models have labels and the source names none, `group` for items of rankings.
    """

    id: str | int
    label: str | float | bool
    model: str | None = None
    group: str | int | None = None
    timestamp: EventTime | None = None
