"""Charts of a report, as plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import cycle, pairwise
from typing import Any

import plotly.graph_objects as go

from dashboard.report.gathered import Series
from schemas import segments
from schemas.cloudevents import milliseconds
from schemas.events import CategoryChange, DriftEvent, Histogram

COLOURS = {"critical": "#c0392b", "warning": "#d68910"}
REFERENCE, CURRENT, LINE = "#7f8c9b", "#2471a3", "rgba(128, 128, 128, 0.35)"
MEASURES = ("#2471a3", "#b9770e", "#7d3c98", "#1e8449", "#a93226", "#566573")
ROWS = 60  # of a heat map: more cannot be read
CAP = 3.0  # how many times its threshold a statistic is, above which colours do not change


def timeline(episodes: Sequence[Sequence[DriftEvent]], end: str) -> go.Figure:
    """Episodes as bars from onset to end, a row each; those that go on reach to `end`."""
    figure = go.Figure()
    for severity, colour in COLOURS.items():
        bars = [(story[-1], name) for story, name in zip(episodes, _names(episodes), strict=True)
                if story[-1].data.severity == severity]  # fmt: skip
        if not bars:
            continue
        figure.add_bar(
            name=severity,
            orientation="h",
            y=[name for _, name in bars],
            base=[event.data.onset for event, _ in bars],
            x=[
                max(1, milliseconds(event.time if event.data.why else end) - milliseconds(event.data.onset))
                for event, _ in bars
            ],
            marker_color=colour,
            hovertext=[escape(event.data.message) for event, _ in bars],
            hoverinfo="text",
        )
    figure.update_xaxes(type="date")
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=_names(episodes))
    return styled(figure, 90 + 26 * len(episodes))


def _names(episodes: Sequence[Sequence[DriftEvent]]) -> list[str]:
    """What each row is called; a number tells apart those that would be called the same."""
    names: list[str] = []
    for story in episodes:
        data = story[0].data
        where = "" if not data.segment else f" {segments.text(data.segment)}"
        name = escape(f"{data.model} {data.version}{where}: {data.kind}")
        same = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({same + 1})" if same else name)
    return names


def histogram(found: Histogram) -> go.Figure:
    """Shares between edges, then and now."""
    edges = [f"{edge:.4g}" for edge in found.edges]
    between = [f"{low} to {high}" for low, high in pairwise(edges)]
    names = [f"&lt; {edges[0]}", *between, f"≥ {edges[-1]}"] if edges else ["all"]
    return _pairs(names, found.reference, found.current)


def categories(found: Sequence[CategoryChange]) -> go.Figure:
    """Shares of the categories that changed most, then and now."""
    names = [escape(each.category) for each in found]
    return _pairs(names, [each.reference for each in found], [each.current for each in found])


def _pairs(names: Sequence[str], reference: Sequence[float], current: Sequence[float]) -> go.Figure:
    figure = go.Figure()
    places = list(range(len(names)))  # names may be equal once they are shortened
    figure.add_bar(name="reference", x=places, y=list(reference), marker_color=REFERENCE)
    figure.add_bar(name="now", x=places, y=list(current), marker_color=CURRENT)
    figure.update_xaxes(tickvals=places, ticktext=[name[:40] for name in names])
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return styled(figure, 260)


def measured(series: Sequence[Series]) -> go.Figure:
    """Measures of performance over time, each with the value from which on it alarms as a dashed line."""
    figure = go.Figure()
    for each, colour in zip(series, cycle(MEASURES), strict=False):
        name = escape(each.signal)
        figure.add_scatter(x=each.times, y=each.statistics, name=name, line={"color": colour})
        figure.add_scatter(
            x=each.times, y=each.thresholds, showlegend=False, hoverinfo="skip", line={"color": colour, "dash": "dash"}
        )
    figure.update_xaxes(type="date")
    return styled(figure, 320)


def heat(series: Sequence[Series]) -> tuple[go.Figure, int]:
    """How far each detector's statistic is from its threshold over time, the strongest first.

    Returns
    -------
    tuple
        The figure, and how many rows were left out.
    """
    ranked = sorted(series, key=lambda each: -max(_shares(each), default=0.0))
    shown = ranked[:ROWS]
    times = sorted({time for each in shown for time in each.times})
    rows = []
    for each in shown:
        known = dict(zip(each.times, _shares(each), strict=True))
        rows.append([known.get(time) for time in times])
    figure = go.Figure(
        go.Heatmap(
            x=times,
            y=[escape(f"{each.signal} · {each.detector}") for each in shown],
            z=rows,
            zmin=0,
            zmax=CAP,
            colorscale=[[0, "#eef2f5"], [1 / CAP, "#f5cba7"], [1 / CAP, "#e67e22"], [1, "#7b241c"]],
            colorbar={"title": "of threshold", "tickvals": [0, 1, 2, CAP], "ticktext": ["0", "1", "2", "3 +"]},
            hovertemplate="%{y}<br>%{x}<br>%{z:.2f} of threshold<extra></extra>",
        )
    )
    figure.update_xaxes(type="date")
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 120 + 20 * len(shown)), len(ranked) - len(shown)


def _shares(series: Series) -> list[float]:
    """Statistics as parts of their thresholds; 0 where there is nothing to compare, the cap for an alarm without."""
    return [
        abs(statistic / threshold) if statistic is not None and threshold else CAP if alarm else 0.0
        for statistic, threshold, alarm in zip(series.statistics, series.thresholds, series.alarms, strict=True)
    ]


def styled(figure: go.Figure, height: int) -> go.Figure:
    """The look that all charts have: no ground of their own, quiet axes, the legend above."""
    axis: dict[str, Any] = {"gridcolor": LINE, "linecolor": LINE, "automargin": True}
    return figure.update_layout(
        template="none",
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 40},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#7a828a"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        bargap=0.25,
        xaxis=axis,
        yaxis=axis,
    )
