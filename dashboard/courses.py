"""How a signal went: what its detectors said at the end of each window, and from when on they alarm."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

import plotly.graph_objects as go

from dashboard.report.charts import styled
from schemas.cloudevents import milliseconds
from schemas.evaluations import Evaluation
from schemas.summaries import Summary
from store import Reader

PROBED = 3  # newest windows in which a signal is looked for: each tells all that is watched
STATISTIC, THRESHOLD, ALARM, SHADE = "#2f8fae", "#98a2a8", "#d0493c", "rgba(208, 73, 60, 0.10)"
MEASURES = ("performance.", "estimated_performance.")  # of these less may be worse


@dataclass
class Course:
    """What one detector said, in the order of time; a number is None where there was too little to judge."""

    detector: str
    found: list[Evaluation] = field(default_factory=list)

    @property
    def says(self) -> bool:
        """Whether there is anything to draw."""
        return any(each.statistic is not None for each in self.found)


def windows_of(
    reader: Reader,
    model: str,
    version: str,
    segment: str,
    signal: str,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    most: int,
) -> list[Summary]:
    """Windows that tell of the signal, in the order of time, of too many the newest; none where nothing tells of it."""
    for key in reader.keys(model, segment=segment):
        if key.version == version and any(
            each.signal == signal
            for summary in reader.summaries(key, from_ms=from_ms, to_ms=to_ms, most=PROBED)
            for each in summary.evaluations
        ):
            return reader.summaries(key, from_ms=from_ms, to_ms=to_ms, most=most)
    return []


def courses(windows: list[Summary], signal: str) -> list[Course]:
    """One for each detector that looks at the signal, in the order in which they are told."""
    found: dict[str, Course] = {}
    for summary in windows:
        for each in summary.evaluations:
            if each.signal == signal:
                found.setdefault(each.detector, Course(each.detector)).found.append(each)
    return list(found.values())


def chart(
    course: Course, signal: str, *, onset: str | None = None, end: str | None = None, height: int = 230
) -> go.Figure:
    """The statistic as a line, its threshold dashed, alarms as points, an episode shaded."""
    times = [each.time for each in course.found]
    figure = go.Figure()
    figure.add_scatter(
        x=times, y=[each.threshold for each in course.found], name="alarms at", mode="lines", connectgaps=False,
        line={"color": THRESHOLD, "dash": "dash", "width": 1.5},
    )  # fmt: skip
    figure.add_scatter(
        x=times, y=[each.statistic for each in course.found], name=escape(course.detector), mode="lines",
        connectgaps=False, line={"color": STATISTIC, "width": 2},
    )  # fmt: skip
    alarms = [each for each in course.found if each.alarm]
    if alarms:
        figure.add_scatter(
            x=[each.time for each in alarms], y=[each.statistic for each in alarms], name="alarm", mode="markers",
            marker={"color": ALARM, "size": 6},
        )  # fmt: skip
    if onset is not None and times:
        figure.add_vrect(x0=onset, x1=end or times[-1], fillcolor=SHADE, line_width=0, layer="below")
        figure.add_vline(x=milliseconds(onset), line={"color": ALARM, "width": 1.5}, annotation_text="onset",
                         annotation_position="top left")  # fmt: skip
    figure.update_layout(hovermode="x unified")
    styled(figure, height)
    figure.update_yaxes(rangemode="normal" if signal.startswith(MEASURES) else "tozero", zeroline=False)
    return figure.update_xaxes(type="date")
