"""A report as a page of HTML: whole, with all it needs in it, or a part for a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import jinja2
import msgspec
from markupsafe import Markup
from plotly import graph_objects as go
from plotly.offline import get_plotlyjs

from dashboard.report import charts
from dashboard.report.gathered import Report, Series
from schemas import segments
from schemas.events import DriftData, DriftEvent, Moments, SignalEvidence

MEASURE = "performance."
MEASURED = "Solid: the measure; dashed: from where on it alarms, where it does."
HEAT = "Each detector's statistic as a part of its threshold; above 1 it is over it."
SIGNALS = 5  # charts of an episode: its strongest signals
HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<style>body {{ margin: 0; }} @media (prefers-color-scheme: dark) {{ body {{ background: #14191e; }} }}</style>
<script>{script}</script></head><body>
"""


def html(report: Report, *, whole: bool = True) -> str:
    """The page.

    Parameters
    ----------
    report : Report
        What it shows. Names and values in it come from records, so from anybody: all are escaped.
    whole : bool
        A document of its own; else a part of one, as notebooks want.
    """
    body = _template().render(
        report=report,
        going_on=sum(story[-1].data.why is None for story in report.episodes),
        critical=sum(story[-1].data.severity == "critical" for story in report.episodes),
        timeline=_chart(charts.timeline(report.episodes, report.end or "")) if report.episodes else "",
        charts={story[0].data.episode: list(_evidence(story[-1].data)) for story in report.episodes},
        over_time=list(_over_time(report)),
    )
    script = get_plotlyjs()
    if not whole:
        return f"<script>{script}</script>{body}" if "plotly-graph-div" in body else body
    return HEAD.format(title=Markup.escape(report.title), script=script) + body + "</body></html>\n"


def _evidence(data: DriftData) -> Iterator[tuple[str, Markup]]:
    for signal in data.signals[:SIGNALS]:
        if signal.histogram is not None:
            yield signal.signal, _chart(charts.histogram(signal.histogram))
        elif signal.categories:
            yield signal.signal, _chart(charts.categories(signal.categories))


def _over_time(report: Report) -> Iterator[tuple[str, str, Markup]]:
    """Charts of each segment in which something happened, and of the whole traffic of each version."""
    told = {(s[0].data.model, s[0].data.version, segments.text(s[0].data.segment)) for s in report.episodes}
    groups: dict[tuple[str, str, str], list[Series]] = {}
    for each in report.series:
        groups.setdefault((each.model, each.version, each.segment), []).append(each)
    for key in sorted(groups):
        if key[2] != segments.ALL and key not in told:
            continue
        name = f"{' '.join(key[:2])}, {key[2]}"
        # Of a measure less may be worse, and its threshold nothing that it is a part of.
        measures = [each for each in groups[key] if MEASURE in each.signal]
        if measures:
            yield f"Performance of {name}", MEASURED, _chart(charts.measured(measures))
        if others := [each for each in groups[key] if MEASURE not in each.signal]:
            figure, left = charts.heat(others)
            more = f" {left} weaker rows are left out." if left else ""
            yield f"Signals of {name}", f"{HEAT}{more}", _chart(figure)


def _chart(figure: go.Figure) -> Markup:
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False}))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dashboard.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.globals.update(
        minute=_minute, where=where, what=what, state=state, number=number, values=values, began=_began
    )
    return environment.get_template("page.html.j2")


def _minute(time: str | None) -> str:
    return "" if time is None else time[:16].replace("T", " ")


def where(data: DriftData) -> str:
    """Which traffic an episode is of."""
    segment = f", {segments.text(data.segment)}" if data.segment else ""
    return f"{data.model} {data.version}{segment}"


def what(story: Sequence[DriftEvent]) -> str:
    """What has changed, as the last event before the end says it."""
    return next((event for event in reversed(story) if event.data.why is None), story[-1]).data.message


def state(story: Sequence[DriftEvent]) -> str:
    """Whether an episode goes on, or since when and why it does not."""
    last = story[-1]
    said = last.data.acknowledged
    judged = f", {said.as_} says {said.by}" if said is not None and said.by else ""
    if last.data.why is None:
        return f"goes on{judged}"
    return f"{last.data.why.replace('_', ' ')} {_minute(last.time)}{judged}"


def number(value: float) -> str:
    """A number in few characters.

    >>> number(1234567.0), number(0.041234), number(3e-40)
    ('1,234,567', '0.0412', '3e-40')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.3g}"


def values(found: Moments) -> list[tuple[str, str]]:
    """What a signal's values look like, by name."""
    given = msgspec.to_builtins(found)
    return [(name.replace("_", " "), number(value)) for name, value in given.items() if value is not None]


def _began(signal: SignalEvidence) -> str:
    if signal.onset_to is None:
        return _minute(signal.onset)
    return f"{_minute(signal.onset_from) or 'before the window'} and {_minute(signal.onset_to)}"
