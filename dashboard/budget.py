"""Whether thresholds hold: alarms seen, before they are confirmed, against those that there would be anyway."""

from __future__ import annotations

from dashboard import charts
from dashboard.shown import Block, Chart
from dashboard.templates import fill
from schemas.cloudevents import timestamp
from store import Reader

FEW = 3  # days: of fewer, the windows themselves show more
ABOUT = (
    "Evaluations over their threshold, before they are confirmed, added up; and how many there would be if nothing had "
    "changed. Where both go together, thresholds hold."
)


def budget(reader: Reader, from_ms: int, model: str | None = None) -> list[Block]:
    """A chart of one model or of all, from the day of `from_ms` on; nothing where there is nothing to see."""
    times = reader.held_by_day(model, from_ms=from_ms)
    if model is not None and len(times) < FEW:
        times = reader.held_by_window(model, from_ms=from_ms)
    if len(times) < 2:
        return []
    figure = charts.held(
        [timestamp(each.day_ms) for each in times],
        [each.held.exceeded for each in times],
        [each.held.expected for each in times],
    )
    return [fill("heading.html.j2", title="Budget", about=ABOUT), Chart(figure, "Alarms seen and expected, added up")]
