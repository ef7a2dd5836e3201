"""Charts of the model page; colours of text and grid are the theme's, by its style sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

from plotly import graph_objects as go

from dashboard.report.charts import MEASURES, REFERENCE, styled
from schemas.summaries import ByClass

BAND = 0.18  # opacity of an interval
FEW = 3  # points
HEIGHT = 240  # pixels: some stand below each other


Point = tuple[str, float | None, float | None, float | None]  # time, value, and between what it lies; None: not known


@dataclass(frozen=True)
class Measured:
    """A measure of performance over time."""

    times: Sequence[str]
    values: Sequence[float | None]
    lows: Sequence[float | None]
    highs: Sequence[float | None]

    @classmethod
    def of(cls, points: Sequence[Point]) -> Measured:
        """From points in the order of time."""
        return cls(*(list(column) for column in zip(*points, strict=True))) if points else cls((), (), (), ())


def lines(named: Mapping[str, tuple[Sequence[str], Sequence[float | None]]], *, zero: bool = False) -> go.Figure:
    """Numbers over time, by name; with zero on the axis if it means something."""
    figure = go.Figure()
    for (name, (times, values)), colour in zip(named.items(), MEASURES, strict=False):
        figure.add_scatter(x=list(times), y=list(values), name=escape(name), mode="lines", line=_line(colour))
    figure.update_yaxes(rangemode="tozero" if zero else "normal")
    return _over_time(figure, "", legend=len(named) > 1)


def shares(times: Sequence[str], named: Mapping[str, Sequence[float]]) -> go.Figure:
    """Shares of a whole over time, on top of each other."""
    figure = go.Figure()
    for place, (name, values) in enumerate(named.items()):
        colour = MEASURES[place % len(MEASURES)]
        figure.add_scatter(
            x=list(times), y=list(values), name=escape(name), mode="lines", stackgroup="all",
            line={"color": colour, "width": 0.5}, fillcolor=_faint(colour, 0.55),
        )  # fmt: skip
    figure.update_yaxes(range=[0, 1])
    return _over_time(figure, ".0%", legend=True)


def performance(realised: Measured, estimated: Measured, thresholds: Measured) -> go.Figure:
    """A measure as labels say it, as it was estimated before they came, and from where on it alarms."""
    figure = go.Figure()
    for found, name, colour, dash in ((estimated, "estimated", MEASURES[1], "dot"),
                                      (realised, "realised", MEASURES[0], "solid")):  # fmt: skip
        if not found.times:
            continue
        edge = {"color": "rgba(0, 0, 0, 0)", "width": 0}
        figure.add_scatter(x=list(found.times), y=list(found.highs), line=edge, hoverinfo="skip", showlegend=False,
                           connectgaps=False)  # fmt: skip
        figure.add_scatter(x=list(found.times), y=list(found.lows), line=edge, hoverinfo="skip", showlegend=False,
                           fill="tonexty", fillcolor=_faint(colour, BAND))  # fmt: skip
        figure.add_scatter(x=list(found.times), y=list(found.values), name=name, mode="lines",
                           line={**_line(colour), "dash": dash})  # fmt: skip
    if thresholds.times:
        figure.add_scatter(x=list(thresholds.times), y=list(thresholds.values), name="alarms from here on",
                           mode="lines", line={"color": REFERENCE, "width": 1, "dash": "dash"})  # fmt: skip
    return _over_time(figure, "", legend=True)


def held(times: Sequence[str], exceeded: Sequence[int], expected: Sequence[float]) -> go.Figure:
    """Alarms seen, added up, against how many there would be if nothing had changed."""
    figure = go.Figure()
    for name, values, line in (("seen", exceeded, _line(MEASURES[0])),
                               ("expected", expected, {"color": REFERENCE, "width": 1.5, "dash": "dash"})):  # fmt: skip
        figure.add_scatter(x=list(times), y=list(accumulate(values)), name=name, mode="lines", line=line)
    figure.update_yaxes(rangemode="tozero")
    return _over_time(figure, "", legend=True)


def by_class(found: ByClass) -> tuple[go.Figure, int]:
    """How the values of a feature lie in records of each predicted class, as shares of the class's.

    Returns
    -------
    tuple
        The figure, and how many classes were left out: those with the fewest records.
    """
    figure = go.Figure()
    totals = {name: sum(counts) for name, counts in found.counts.items() if any(counts)}
    shown = sorted(totals, key=lambda name: -totals[name])[: len(MEASURES)]
    places = list(range(len(found.parts)))  # names may be equal once they are shortened
    for name, colour in zip(shown, MEASURES, strict=False):
        figure.add_bar(
            name=escape(name), x=places, y=[count / totals[name] for count in found.counts[name]], marker_color=colour
        )
    figure.update_xaxes(tickvals=places, ticktext=[escape(part[:40]) for part in found.parts])
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_layout(showlegend=True)
    return styled(figure, HEIGHT), len(totals) - len(shown)


def _line(colour: str) -> dict[str, object]:
    return {"color": colour, "width": 2}


def _faint(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def _over_time(figure: go.Figure, tickformat: str, *, legend: bool) -> go.Figure:
    figure.update_xaxes(type="date")
    figure.update_yaxes(tickformat=tickformat)
    figure.update_layout(showlegend=legend, hovermode="x unified")
    if all(len(trace.x) < FEW for trace in figure.data):
        figure.update_traces(mode="lines+markers")  # of one point there is no line
    return styled(figure, HEIGHT)
