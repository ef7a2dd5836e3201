"""A report as Markdown: for tickets, and for people without a browser."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.report.gathered import Report
from dashboard.report.page import number, state, what, where


def markdown(report: Report) -> str:
    """The text; names and values in it cannot make anything but text of themselves."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {_plain(report.title)}"
    yield ""
    span = f"{report.start} to {report.end}: " if report.start else ""
    yield f"{span}{len(report.episodes)} episodes, {len(report.requests)} retrain requests"
    if report.episodes:
        yield from ("", "| onset | severity | where | what | state |", "|---|---|---|---|---|")
    for story in report.episodes:
        data = story[-1].data
        yield _row(data.onset, data.severity, where(data), what(story), state(story))
    for story in report.episodes:
        data = story[-1].data
        yield from ("", f"## {_plain(where(data))}: {data.kind}", "", _plain(what(story)), "")
        yield from ("| signal | detector | statistic | alarm at | effect |", "|---|---|---|---|---|")
        for signal in data.signals:
            effect = f"{signal.effect.level}, {signal.effect.direction}"
            yield _row(signal.signal, signal.detector, number(signal.statistic), number(signal.threshold), effect)
    if report.requests:
        yield from ("", "## Retrain requests", "")
    for asked in report.requests:
        for event in asked:
            yield f"- {event.time} {event.type.rpartition('.')[2]}: {_plain(event.data.message)}"
    if report.skipped:
        yield from ("", "## Not used", "")
        yield from (f"- {_plain(line)}" for line in report.skipped)


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    r"""Text that Markdown and the HTML in it leave as it is.

    >>> _plain("a|b <script> *c*\n# d")
    'a\\|b \\<script\\> \\*c\\* \\# d'
    """
    flat = " ".join(text.split())
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>()#+!|" and not char.isalnum() else char for char in flat)
