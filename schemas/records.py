"""Records coming in: one prediction or one feature vector each, in their default JSON shape.

This is the shape for documents and validation; the paths are configurable (`fields:` of a source), and the decoder
takes what it can of a record that does not keep to it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Value = float | str | bool | None
EventTime = Annotated[
    str | float,
    msgspec.Meta(
        description="RFC 3339 text, or a number in seconds, milliseconds, microseconds or nanoseconds by magnitude"
    ),
]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prediction, or a feature vector without one. Absent and null are both missing.

    `id` finds the label. `timestamp` counts where the source says `time: payload`, else the broker's does. `model` and
    `version` may be constants of the source instead. `prediction` is a class, the probability of the positive class,
    or a number; `label` is what turned out, where that is known already. Other fields may stand beside these: segments
    are cut by them.
    """

    id: str | int | None = None
    timestamp: EventTime | None = None
    model: str | None = None
    version: str | int | None = None
    role: str | None = None
    features: dict[str, Value | list[float]] = {}  # a list is an embedding
    prediction: Value = None
    probabilities: dict[str, float] | None = None
    confidence: float | None = None
    label: Value = None
    group: str | int | None = None
    item: str | int | None = None
    score: float | None = None
