"""What became of a segment of a model version over time: its windows, evenly spaced where there are many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dashboard.charts import Measured, Point
from schemas.cloudevents import milliseconds
from schemas.summaries import Summary
from store import Reader
from store.fleet import LABELLED
from store.found import Evaluated, Key

T = TypeVar("T")
MOST = 200  # windows that a chart is drawn of; to read 200 of 40 signals takes about 50 ms
PERFORMANCE, FEATURE = "performance.", "feature."
WEEK_MS = 7 * 86_400_000
MONDAY_MS = 4 * 86_400_000  # 1970 began on a Thursday


@dataclass(frozen=True)
class History:
    """Windows in the order of time; `records`, `performance` and `labels` are some of them, with what was found."""

    windows: Sequence[Evaluated]  # of records
    came: Sequence[Evaluated]  # of labels
    records: Sequence[Summary]
    performance: Sequence[Summary]
    labels: Sequence[Summary]


@dataclass(frozen=True)
class Week:
    """What the windows that end in a week come to; None where it is not known."""

    start_ms: int  # Monday, UTC
    records: float
    predicted: dict[str, float]  # shares
    means: dict[str, float]
    known: float | None  # share of the values of features that the reference has, too
    labelled: float | None
    exceeded: int
    expected: float


def history(reader: Reader, keys: Iterable[Key], from_ms: int) -> History:
    """Read the windows of one segment and version from `from_ms` on."""
    by_about: dict[str, Key] = {}
    for key in keys:  # the newest first
        by_about.setdefault(key.about, key)
    windows: dict[str, list[Evaluated]] = {}
    found: dict[str, list[Summary]] = {"records": [], "performance": [], "labels": []}
    for about in found:
        if about not in by_about:
            continue
        windows[about] = reader.windows(by_about[about], from_ms=from_ms)
        ends_ms = [window.end_ms for window in windows[about]]
        found[about] = reader.summaries_at(by_about[about], spaced(ends_ms, MOST))
    return History(windows.get("records", []), windows.get("performance", []), **found)


def spaced(found: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of them, evenly spaced, the last among them.

    >>> spaced([1, 2, 3, 4, 5], 3)
    [1, 3, 5]
    """
    return found[::-1][:: max(1, -(-len(found) // most))][::-1]


def volume(windows: Sequence[Evaluated]) -> list[float]:
    """Records of each window that were in none before it, if they come evenly."""
    before_ms, found = 0, []
    for window in windows:
        new_ms = window.end_ms - max(window.start_ms, before_ms)
        found.append(window.count * new_ms / max(1, window.end_ms - window.start_ms))
        before_ms = window.end_ms
    return found


def weeks(found: History) -> list[Week]:
    """By weeks, the newest first."""
    records, came = _new_by_week(found.windows), _new_by_week(found.came)
    held: dict[int, tuple[int, float]] = {}
    for window in found.windows:
        seen, expected = held.get(_week(window.end_ms), (0, 0.0))
        held[_week(window.end_ms)] = seen + window.exceeded, expected + window.expected
    said = _by_week(found.records)
    labels = _by_week(found.labels)
    return [
        Week(
            start_ms=week,
            records=records[week],
            predicted=predicted(said.get(week, ())),
            means=_means(said.get(week, ())),
            known=_known(said.get(week, ())),
            labelled=_labelled(labels.get(week, ()), came.get(week, 0.0), records[week]),
            exceeded=held[week][0],
            expected=held[week][1],
        )
        for week in sorted(records, reverse=True)
    ]


def _week(end_ms: int) -> int:
    return (end_ms - 1 - MONDAY_MS) // WEEK_MS * WEEK_MS + MONDAY_MS


def _new_by_week(windows: Sequence[Evaluated]) -> dict[int, float]:
    found: dict[int, float] = {}
    for window, new in zip(windows, volume(windows), strict=True):
        found[_week(window.end_ms)] = found.get(_week(window.end_ms), 0.0) + new
    return found


def _by_week(summaries: Sequence[Summary]) -> dict[int, list[Summary]]:
    found: dict[int, list[Summary]] = {}
    for summary in summaries:
        found.setdefault(_week(milliseconds(summary.window.end)), []).append(summary)
    return found


def predicted(summaries: Iterable[Summary]) -> dict[str, float]:
    """Shares of the predicted classes, the most frequent first."""
    counts: dict[str, int] = {}
    for summary in summaries:
        for name, many in summary.predicted.items():
            counts[name] = counts.get(name, 0) + many
    total = max(1, sum(counts.values()))
    return {name: counts[name] / total for name in sorted(counts, key=lambda name: (-counts[name], name))}


def _means(summaries: Sequence[Summary]) -> dict[str, float]:
    sums: dict[str, tuple[float, int]] = {}
    for summary in summaries:
        for name, mean in summary.means.items():
            total, count = sums.get(name, (0.0, 0))
            sums[name] = total + mean * summary.window.count, count + summary.window.count
    return {name: total / count for name, (total, count) in sums.items() if count}


def _known(summaries: Iterable[Summary]) -> float | None:
    values = unseen = 0
    for summary in summaries:
        for name, counts in summary.counts.items():
            if name.startswith(FEATURE):
                values += summary.window.count - counts.missing - counts.invalid
                unseen += counts.unseen
    return 1 - unseen / values if values else None


def labelled(found: History) -> float | None:
    """Share of predictions that got labels, in the newest window that may be judged.

    Where labels are not watched for themselves (`quality`): labels that came, for each record.
    """
    return _labelled(found.labels[-1:], sum(volume(found.came)), sum(volume(found.windows)))


def _labelled(summaries: Iterable[Summary], came: float, records: float) -> float | None:
    rows = [row for summary in summaries for row in summary.evaluations
            if row.signal == LABELLED and row.statistic is not None]  # fmt: skip
    total = sum(row.count for row in rows)
    if total:
        return sum((row.statistic or 0.0) * row.count for row in rows) / total
    return min(1.0, came / records) if came and records else None


def measures(found: History) -> dict[str, tuple[Measured, Measured, Measured]]:
    """By name: as labels say it, as it was estimated before they came, and from where on it alarms."""
    realised: dict[str, list[Point]] = {}
    estimated: dict[str, list[Point]] = {}
    thresholds: dict[str, list[Point]] = {}
    for summary in found.performance:
        for row in summary.evaluations:
            if row.signal.startswith(PERFORMANCE):
                name = row.signal.removeprefix(PERFORMANCE)
                low, high = summary.intervals.get(name, (None, None))
                realised.setdefault(name, []).append((row.time, row.statistic, low, high))
                thresholds.setdefault(name, []).append((row.time, row.threshold, None, None))
    for summary in found.records:
        for name, one in summary.estimated.items():
            estimated.setdefault(name, []).append((summary.window.end, one.value, one.low, one.high))
    return {
        name: (Measured.of(realised.get(name, [])), Measured.of(estimated.get(name, [])),
               Measured.of(thresholds.get(name, [])))
        for name in dict.fromkeys([*realised, *estimated])
    }  # fmt: skip
