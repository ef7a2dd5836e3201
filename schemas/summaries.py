"""Summaries: one message per evaluated window, what a dashboard needs."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from schemas import cloudevents
from schemas.cloudevents import MEDIA_TYPE, Time
from schemas.evaluations import Evaluation
from schemas.events import Span, Window

SCHEMA: Final = "urn:tidemark:summary:1"


class SignalCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a signal in the window that did not reach a detector, or have no place in the reference."""

    missing: int
    invalid: int
    unseen: int
    outside: int | msgspec.UnsetType = msgspec.UNSET  # of its `range`, where that is watched


class Estimated(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of performance before labels come. Numbers are finite; null where it is undefined."""

    value: float | None
    low: float | None  # between low and high is what labels of the window will say, 19 times in 20 ...
    high: float | None  # ... as long as labels depend on scores as they did
    baseline: (
        float | None
    )  # of labelled records of the profile, of the segment where it has enough; null: there is none


class ListCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the lists of a ranking that were made in the window."""

    measured: int
    incomplete: int  # with an item that has no label, or no score: not measured
    alike: int  # of those that are measured, without an order: all items are equally relevant
    long: int  # with too many items: not measured


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """How often a class was predicted as which."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]  # labels by true, in each by predicted class


class ByClass(msgspec.Struct, frozen=True, kw_only=True):
    """How the values of a feature lie in records of each predicted class."""

    parts: tuple[str, ...]  # values, or from where to where; the borders are those of the reference's tenths
    counts: dict[str, tuple[int, ...]]  # by predicted class, records in each part


class Summary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A window of a segment and what was found in it."""

    model: str
    version: str
    segment: str  # canonical text
    window: Window
    # insufficient: it, or the time before that it would be compared with, has fewer than `min_count` records
    status: Literal["ok", "alarm", "insufficient"]
    counts: dict[str, SignalCounts]  # by signal
    evaluations: tuple[Evaluation, ...]
    # Evaluations of windowed detectors over the threshold that follows from the budget, before `min_effect` and
    # `confirm`; and how many there would be on average if nothing had changed. Added up over days they show, sooner
    # than episodes do, whether thresholds hold. Left out where they are 0.
    exceeded: int = 0
    expected: float = 0.0
    previous: Span | None = None  # the time before the window that it was compared with, if not with a profile
    # Labels: of the predictions that were made in the window, whether they got labels, and how soon.
    # Errors: what `records` are of others, of errors as their labels came. Performance: of the labels that came in the
    # window, of which `count` is the number. Its evaluations have the measures as statistics, null where one is
    # undefined, and as thresholds the limits of the configuration, or from where on they alarm against the baseline.
    about: Literal["records", "performance", "errors", "labels"] = "records"
    intervals: dict[str, tuple[float, float]] = {}  # by measure: it lies between these 95 times in 100
    # By measure; of summaries of performance: what had been estimated of the records whose labels came.
    estimated: dict[str, Estimated] = {}
    estimate_errors: dict[str, float] = {}  # likewise: how far these were off, on average over all windows so far
    estimates_held: dict[str, float] = {}  # likewise: share of these windows whose labels said what is in the interval
    lists: ListCounts | msgspec.UnsetType = msgspec.UNSET  # of summaries of performance of rankings
    # Of records of the whole traffic: means of `prediction` and `confidence`, and records by predicted class, those
    # beyond the ten most frequent of the reference as `(other)`.
    means: dict[str, float] = {}
    predicted: dict[str, int] = {}
    by_class: dict[str, ByClass] = {}  # likewise by signal, of features for which the configuration asks
    confusion: Confusion | msgspec.UnsetType = msgspec.UNSET  # of summaries of performance, of at most ten classes
    errors: dict[str, float] = {}  # by measure: how far it may be from that of the scores themselves; 0 where left out


class SummaryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The summary in its envelope."""

    specversion: Literal["1.0"] = "1.0"
    type: Literal["io.tidemark.window.evaluated"] = "io.tidemark.window.evaluated"
    source: str
    id: str
    time: Time
    subject: str
    datacontenttype: Literal["application/json"] = MEDIA_TYPE
    dataschema: Literal["urn:tidemark:summary:1"] = SCHEMA
    data: Summary


def encode(source: str, summary: Summary) -> bytes:
    """The message of a job (`cloudevents.source`) about a window; numbers are written as they come, so come rounded.

    Of a thousand segments, to round what is rounded took as long as to evaluate them.
    """
    subject = cloudevents.subject(summary.model, summary.version, summary.segment)
    time = summary.window.end
    what = "summary" if summary.about == "records" else summary.about
    return msgspec.json.encode(
        SummaryEvent(
            source=source,
            id=cloudevents.identity(source, what, summary.model, summary.version, summary.segment, time),
            time=time,
            subject=subject,
            data=summary,
        )
    )


def decode(data: bytes) -> SummaryEvent:
    """Read one summary; raises msgspec.ValidationError with the path of the first misfit."""
    return msgspec.json.decode(data, type=SummaryEvent)
