"""One model: what it gets, what it says, how good it is, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dashboard import charts, links
from dashboard.budget import budget
from dashboard.findings import Findings
from dashboard.history import History, history, labelled, measures, predicted, spaced, volume, weeks
from dashboard.shown import Block, Chart, Missing, Query, Shown
from dashboard.templates import DAY_MS, fill
from schemas import segments
from schemas.cloudevents import timestamp
from schemas.evaluations import Evaluation
from schemas.events import DriftData
from schemas.retraining import RetrainEvent
from store.found import Key

SPANS = {"1": "1 week", "4": "4 weeks", "13": "13 weeks", "53": "1 year"}
USUAL_SPAN = "4"
SIGNALS = 25  # rows of the table of signals
MEASURES = 4  # charts of performance
POINTS = 1_000  # of the chart of records: as many as it has pixels
REQUESTS = 12  # the newest
EPISODES = 10  # that go on
LISTED = 200  # segments to choose from; others are reached by their address


def model(findings: Findings, query: Query) -> Shown:
    """The page of the model `name`, of one version and segment, over so many weeks."""
    name, reader = query.get("name"), findings.reader
    keys = reader.keys(name)
    episodes = reader.episodes(name, going_on=True)
    if not keys and not reader.episodes(name, most=1):
        message = f"there is no model '{name}' in the store"
        raise Missing(message)
    versions = list(dict.fromkeys(key.version for key in keys))
    version = query.get("version") or (versions[0] if versions else "")
    segment = query.get("segment", segments.ALL)
    span = query.get("weeks") if query.get("weeks") in SPANS else USUAL_SPAN
    newest_ms = max((key.end_ms for key in keys), default=0)
    from_ms = newest_ms - int(span) * 7 * DAY_MS
    here = [key for key in keys if (key.version, key.segment) == (version, segment)]
    found = history(reader, here, from_ms)
    held = reader.held_by_day(name, from_ms=from_ms)
    told = reader.told([episode.episode for episode in episodes[:EPISODES]])
    head = fill(
        "model.html.j2",
        name=name,
        info=_info(findings, name, told.values()),
        asked={"version": version, "segment": segment, "weeks": span},
        versions=versions,
        segments=_segments(keys, version, segment),
        spans=SPANS,
        usual_span=USUAL_SPAN,
        rate=_rate(here),
        records=sum(volume(found.windows)),
        labelled=labelled(found),
        newest=found.records[-1] if found.records else None,
        newest_ms=newest_ms or None,
        episodes=episodes[:EPISODES],
        told=told,
        more=max(0, len(episodes) - EPISODES),
        exceeded=sum(day.held.exceeded for day in held),
        expected=sum(day.held.expected for day in held),
    )
    blocks: list[Block] = [head]
    blocks += _performance(found)
    blocks += _said(found)
    blocks += _by_class(found, query)
    blocks += _signals(found, name, version, segment, query)
    blocks += budget(reader, from_ms, name)
    blocks += _retraining(findings, name)
    return Shown(name, tuple(blocks))


def _info(findings: Findings, name: str, told: Iterable[DriftData]) -> dict[str, Any]:
    """The model's `info`: of the configuration, else as an episode that goes on has it."""
    if findings.configuration is not None:
        for plan in findings.configuration.plan.models:
            if plan.name == name:
                return dict(plan.info)
    return next((dict(data.info) for data in told), {})


def _segments(keys: Sequence[Key], version: str, chosen: str) -> list[str]:
    names = sorted({key.segment for key in keys if key.version == version} - {segments.ALL})
    return list(dict.fromkeys([segments.ALL, chosen, *names[:LISTED]]))


def _rate(keys: Sequence[Key]) -> float | None:
    """Records a second, in the newest window."""
    return next((key.per_s for key in keys if key.about == "records" and key.size_ms), None)


def _heading(title: str, about: str = "") -> Block:
    return fill("heading.html.j2", title=title, about=about)


def _performance(found: History) -> Iterator[Block]:
    """Each measure over time, and which class was taken for which."""
    told = measures(found)
    if not told:
        return
    yield _heading(
        "Performance", "As labels say it, and as it was estimated before they came; bands hold it 95 times in 100."
    )
    for name in sorted(told, key=lambda name: not told[name][0].times)[:MEASURES]:
        figure = charts.performance(*told[name])
        label = f"{name} over time, realised and estimated"
        yield Chart(figure, label, title=name.replace("_", " "), half=True)
    newest = next((one for one in reversed(found.performance) if one.confusion), None)
    if newest is not None:
        yield fill("confusion.html.j2", confusion=newest.confusion, window=newest.window)


def _said(found: History) -> Iterator[Block]:
    """How many records came, what was predicted, how surely, and by weeks."""
    if not found.windows:
        return
    yield _heading("Traffic and predictions")
    drawn = spaced(found.windows, POINTS)
    times = [timestamp(window.end_ms) for window in drawn]
    per_h = [3_600_000 * one.count / max(1, one.end_ms - one.start_ms) for one in drawn]
    figure = charts.lines({"records": (times, per_h)}, zero=True)
    yield Chart(figure, "Records an hour over time", "Records an hour", half=True)
    classes = list(predicted(found.records))
    if classes:
        with_any = [summary for summary in found.records if summary.predicted]
        each = [predicted([summary]) for summary in with_any]
        shares = {name: [one.get(name, 0.0) for one in each] for name in classes}
        figure = charts.shares([one.window.end for one in with_any], shares)
        yield Chart(figure, "Shares of predicted classes over time", "Predicted classes", half=True)
    means = list(dict.fromkeys(name for summary in found.records for name in summary.means))
    for name in means:
        points = [(one.window.end, one.means[name]) for one in found.records if name in one.means]
        times_of, values = zip(*points, strict=True)
        figure = charts.lines({name: (times_of, values)})
        yield Chart(figure, f"Mean {name} over time", f"Mean {name}", half=True)
    yield fill("weeks.html.j2", weeks=weeks(found), classes=classes[:4], means=means)


def _by_class(found: History, query: Query) -> Iterator[Block]:
    """The values of a feature in records of each predicted class, in the newest window that tells it."""
    newest = next((one for one in reversed(found.records) if one.by_class), None)
    if newest is None:
        if found.records and found.records[-1].predicted:
            yield fill("by_class.html.j2", told=None)
        return
    told = newest.by_class
    signal = query.get("feature") if query.get("feature") in told else next(iter(told))
    figure, left = charts.by_class(told[signal])
    asked = {name: query.get(name) for name in ("name", "version", "segment", "weeks", "signal")}
    yield fill("by_class.html.j2", told=told, chosen=signal, window=newest.window, left=left, asked=asked)
    yield Chart(figure, f"{signal}: shares of its values in records of each predicted class")


def _signals(found: History, name: str, version: str, segment: str, query: Query) -> Iterator[Block]:
    """The strongest signals of the newest windows."""
    newest = [*found.records[-1:], *found.performance[-1:]]
    strongest: dict[str, Evaluation] = {}
    for row in sorted((row for one in newest for row in one.evaluations), key=_strength, reverse=True):
        strongest.setdefault(row.signal, row)
    if not strongest:
        return
    search = query.get("signal").casefold()
    rows = [row for row in strongest.values() if search in row.signal.casefold()]
    yield fill(
        "signals.html.j2",
        rows=[(row, links.signal(name, version, segment, row.signal)) for row in rows[:SIGNALS]],
        found=len(rows),
        all=len(strongest),
        search=query.get("signal"),
        asked={"name": name, "version": query.get("version"), "segment": query.get("segment"),
               "weeks": query.get("weeks"), "feature": query.get("feature")},
    )  # fmt: skip


def _strength(row: Evaluation) -> tuple[bool, float]:
    """Alarms first, then by the part of the threshold; of a measure less may be worse, so it comes after."""
    comparable = "performance." not in row.signal and row.statistic is not None and row.threshold
    return row.alarm, abs((row.statistic or 0.0) / (row.threshold or 1.0)) if comparable else -1.0


def _retraining(findings: Findings, name: str) -> Iterator[Block]:
    """Retrain requests, the newest first, with what it cost to wait."""
    asked = []
    for request in findings.reader.requests(name)[:REQUESTS]:
        story = [event for event in findings.reader.story(request.request) if isinstance(event, RetrainEvent)]
        if story:
            costs = next((event.data.costs for event in reversed(story) if event.data.costs), None)
            asked.append((request, story, costs))
    if asked:
        yield fill("retraining.html.j2", asked=asked)
