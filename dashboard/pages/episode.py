"""One episode: what changed, since when, where, what was like it, and what was done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboard import acting, courses
from dashboard.findings import Findings
from dashboard.report import charts
from dashboard.report.page import where
from dashboard.shown import Block, Chart, Missing, Query, Shown
from dashboard.templates import fill, lasting
from schemas.cloudevents import milliseconds, timestamp
from schemas.events import DriftData, DriftEvent, ProfileEvent, RefusedEvent, RetrainEvent, SignalEvidence
from schemas.summaries import Summary
from store import Reader
from store.found import Episode

SIGNALS = 5  # with charts: the strongest ones
WINDOWS = 400  # of a chart: more points than it is wide in pixels tell nothing more
BEFORE = 20  # windows before the onset that a chart shows at least


@dataclass(frozen=True)
class Step:
    """Something that was said or done."""

    time: str
    what: str
    said: str
    by: str = ""


def episode(findings: Findings, query: Query) -> Shown:
    """The page of the episode `id`."""
    reader, id = findings.reader, query.get("id")
    found = reader.episode(id)
    story = [event for event in reader.story(id) if isinstance(event, DriftEvent)]
    if found is None or not story:
        message = f"there is no episode '{id}' in the store; it may have been deleted since, as `store: {{keep}}` says"
        raise Missing(message)
    data = story[-1].data
    told = next((event for event in reversed(story) if event.data.why is None), story[-1]).data
    requests = reader.requests_because_of(found)
    like = reader.similar(story[-1])
    newest_ms = max([found.updated_ms, *(key.end_ms for key in reader.keys(found.model))])
    together = [each for each in reader.incident(found.incident) if each.episode != found.episode]
    title = f"{data.kind.replace('_', ' ')} drift of {where(data)}"
    head = fill(
        "episode.html.j2", part="head", data=data, told=told, episode=found, title=title[0].upper() + title[1:],
        lasted=lasting((found.ended_ms or newest_ms) - found.onset_ms),
        noticed=lasting(found.detected_ms - found.onset_ms),
    )  # fmt: skip
    tail = fill(
        "episode.html.j2",
        part="tail",
        data=data,
        episode=found,
        steps=sorted(_steps(story, reader.said_of(found), requests), key=lambda step: step.time),
        similar=[each for each, _ in like],
        like={each.episode: share for each, share in like},
        together=together,
        others=reader.told([each.episode for each in (*together, *(one for one, _ in like))]),
    )
    blocks: list[Block] = [head, *acting.on_episode(findings, query, story[-1])]
    blocks.append(fill("episode.html.j2", part="signals", data=data, segment=found.segment))
    blocks += _charts(findings, found, data)
    return Shown(f"{data.model}: {told.message}", (*blocks, tail))


def _charts(findings: Findings, found: Episode, data: DriftData) -> Iterator[Block]:
    read: dict[str, list[Summary]] = {}
    for signal in data.signals[:SIGNALS]:
        windows = next((its for its in read.values() if courses.courses(its, signal.signal)), None)
        if windows is None:
            windows = read[signal.signal] = _windows(findings.reader, found, data, signal.signal)
        yield from _signal(findings, found, data, signal, windows)


def _windows(reader: Reader, found: Episode, data: DriftData, signal: str) -> list[Summary]:
    size_ms = max(1, milliseconds(data.window.end) - milliseconds(data.window.start))
    lasted_ms = (found.ended_ms or found.updated_ms) - found.onset_ms
    return courses.windows_of(
        reader,
        found.model,
        found.version,
        found.segment,
        signal,
        from_ms=found.onset_ms - max(BEFORE * size_ms, lasted_ms // 2),
        to_ms=None if found.ended_ms is None else found.ended_ms + BEFORE * size_ms,
        most=WINDOWS,
    )


def _signal(
    findings: Findings, found: Episode, data: DriftData, signal: SignalEvidence, windows: list[Summary]
) -> Iterator[Block]:
    yield fill(
        "episode.html.j2",
        part="signal",
        signal=signal,
        data=data,
        segment=found.segment,
        season=_season(findings, data),
    )
    name = signal.signal
    if signal.histogram is not None:
        yield Chart(charts.histogram(signal.histogram), f"{name}: shares of values in the reference and now")
    elif signal.categories:
        yield Chart(charts.categories(signal.categories), f"{name}: shares of categories in the reference and now")
    detectors = courses.courses(windows, name)
    for course in [each for each in detectors if each.detector == signal.detector] or detectors[:1]:
        end = None if found.ended_ms is None else timestamp(found.ended_ms)
        figure = courses.chart(course, name, onset=signal.onset, end=end)
        yield Chart(figure, f"{name}: {course.detector} over time against where it alarms, with the onset")


def _season(findings: Findings, data: DriftData) -> bool:
    """Whether the reference is that of the same times of a season."""
    plan = findings.configuration.plan if findings.configuration else None
    return plan is not None and any(each.name == data.model and each.season is not None for each in plan.models)


def _steps(
    story: list[DriftEvent], said: list[ProfileEvent | RefusedEvent], requests: list[RetrainEvent]
) -> Iterator[Step]:
    before: DriftData | None = None
    for event in story:
        data, what = event.data, event.type.rpartition(".")[2]
        judged = data.acknowledged
        if judged is not None and (before is None or judged != before.acknowledged):
            yield Step(judged.time, f"Acknowledged as {judged.as_}", judged.why, judged.by)
        if before is None or what == "resolved" or _news(before, data):
            named = {"opened": "Opened", "updated": "Changed", "resolved": (data.why or "over").replace("_", " ")}
            grown = f", escalated by its {data.escalated}" if data.escalated else ""
            word = named[what].capitalize() if data.why else f"{named[what]}, {data.severity}{grown}"
            yield Step(event.time, word, data.message)
        before = data
    for each in said:
        if isinstance(each, RefusedEvent):
            yield Step(each.time, "Refused", each.data.message, each.data.by)
        elif (accepted := each.data.accepted) is not None:
            word = "Accepted as the new normal" if each.type.endswith("rebased") else "Not accepted any more"
            yield Step(
                each.time, word, f"{each.data.message}{f': {accepted.why}' if accepted.why else ''}", accepted.by
            )
    for request in requests:
        yield Step(request.time, f"Retraining {request.type.rpartition('.')[2]}", request.data.message)


def _news(before: DriftData, now: DriftData) -> bool:
    """Whether an event says more than who has looked at it."""
    return (before.severity, before.message, before.escalated) != (now.severity, now.message, now.escalated)
