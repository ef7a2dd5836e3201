"""Evidence: what an event shows of a signal's values, of the records and of the features that explain a change."""

from __future__ import annotations

from typing import Literal

import msgspec


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the present values between interior edges: one more than there are edges, ends open."""

    edges: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


class CategoryChange(msgspec.Struct, frozen=True, kw_only=True):
    """A category's share of the present values, then and now."""

    category: str
    reference: float
    current: float


class UnseenValues(msgspec.Struct, frozen=True, kw_only=True):
    """Values that have no name in the reference: a category, or where numbers lie, ``between 3 and 4``, ``above 9``."""

    values: str  # of a sensitive category what stands for it; an ellipsis stands for what is over 100 characters
    current: float  # share of the present values; of categories about, where there are many


class Example(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a record stands, never what is in it: `topic`, `partition` and `offset`, or `path` and `row`."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    path: str | None = None
    row: int | None = None  # from 0, over all files of the source


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """A feature's part in a change of what features do together."""

    feature: str
    share: float  # of the change, of all features that changed in its direction
    # Mean square of what is lost of its scores, in standard deviations; of `multivariate.classifier` what it adds to
    # the log odds of being of the stream.
    reference: float
    current: float


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """A field that records have and had not, or have no more."""

    field: str  # a pointer (RFC 6901), or a column; an ellipsis stands for what is over 60 characters
    change: Literal["new", "gone"]
    reference: float  # share of records that have it
    current: float  # when it was noticed, of the records that were looked at
