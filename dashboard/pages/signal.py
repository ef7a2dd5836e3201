"""One signal: its statistics against their thresholds over time, and what its windows hold."""

from __future__ import annotations

from dashboard import courses
from dashboard.findings import Findings
from dashboard.shown import Block, Chart, Missing, Query, Shown
from dashboard.templates import fill
from schemas.cloudevents import milliseconds
from schemas.events import DriftData, SignalEvidence
from schemas.summaries import Summary
from store import Reader
from store.found import Episode

WINDOWS = 1_000  # of a chart: some 0.1 s to read, and about as many as it is wide in pixels
ROWS = 50  # windows of the table
EPISODES = 200  # of the model, the newest, among which those of the signal are
LATEST = 10**14  # milliseconds since 1970: the year 5138


def signal(findings: Findings, query: Query) -> Shown:
    """The page of the `signal` of a `model`, `version` and `segment`, with windows up to the time `to` (ms)."""
    model, version, name = query.get("model"), query.get("version"), query.get("signal")
    segment, to_ms = query.get("segment", "all"), query.number("to", 0, LATEST) or None
    windows = courses.windows_of(findings.reader, model, version, segment, name, to_ms=to_ms, most=WINDOWS)
    found = courses.courses(windows, name)
    if not found:
        when = " up to that time" if to_ms else ""
        message = f"there is no window of '{model}' '{version}', {segment}, that tells of a signal '{name}'{when}"
        raise Missing(message)
    inside, told = _episodes(findings.reader, model, version, segment, name, windows)
    shown = windows[-ROWS:]
    about = {"model": model, "version": version, "segment": segment, "signal": name}
    head = fill(
        "signal.html.j2", part="head", **about, windows=windows, signals=_signals(windows[-1]),
        newest=windows[-1].window, to_ms=to_ms,
    )  # fmt: skip
    blocks: list[Block] = [head]
    for course in found:
        blocks.append(fill("signal.html.j2", part="detector", course=course, newest=course.found[-1]))
        if not course.says:
            continue
        figure = courses.chart(course, name, height=260)
        for each in inside:
            end_ms = each.ended_ms or milliseconds(windows[-1].window.end)
            figure.add_vrect(x0=each.onset_ms, x1=end_ms, fillcolor=courses.SHADE, line_width=0, layer="below")
        blocks.append(Chart(figure, f"{name}: {course.detector} over time against where it alarms"))
    rows = [(each, {one.detector: one for one in each.evaluations if one.signal == name}) for each in reversed(shown)]
    earlier = milliseconds(shown[0].window.end) - 1 if len(windows) > ROWS else None
    tail = fill(
        "signal.html.j2",
        part="tail",
        **about,
        rows=rows,
        detectors=[each.detector for each in found],
        inside=inside,
        told=told,
        earlier=earlier,
        to_ms=to_ms,
    )
    return Shown(f"{name} of {model}", (*blocks, tail))


def _episodes(
    reader: Reader, model: str, version: str, segment: str, signal: str, windows: list[Summary]
) -> tuple[list[Episode], dict[str, DriftData]]:
    """Those that the signal was in and that went on in the time of the windows, and what they tell."""
    start_ms, end_ms = (milliseconds(time) for time in (windows[0].window.start, windows[-1].window.end))
    near = reader.episodes(model, from_ms=start_ms, to_ms=end_ms, most=EPISODES)
    those = [each for each in near if (each.version, each.segment) == (version, segment)]
    told = reader.told([each.episode for each in those])
    return [each for each in those if any(one.signal == signal for one in _evidence(told, each))], told


def _evidence(told: dict[str, DriftData], episode: Episode) -> tuple[SignalEvidence, ...]:
    return told[episode.episode].signals if episode.episode in told else ()


def _signals(summary: Summary) -> list[str]:
    """What else the window tells of."""
    return list(dict.fromkeys(each.signal for each in summary.evaluations))
