"""Dead letters: records that could not be used, by what is wrong with them."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard import courses
from dashboard.findings import Findings
from dashboard.report.charts import styled
from dashboard.shown import Block, Chart, Query, Shown
from dashboard.templates import DAY_MS, fill
from schemas.cloudevents import timestamp

ROWS = 100  # a page of the table
DAYS = (1, 7, 30, 90)
COLOURS = {"dead": courses.ALARM, "late": "#c98a1b"}


def dead_letters(findings: Findings, query: Query) -> Shown:
    """The page: of the last `days` days before the newest one."""
    reader = findings.reader
    asked = query.number("days", 30)
    days = asked if asked in DAYS else 30
    source = query.get("source")
    newest_ms = max((day_ms for day_ms, _, _ in reader.letters_by_day(from_ms=0)), default=0)
    from_ms = newest_ms - (days - 1) * DAY_MS
    by_day = reader.letters_by_day(from_ms=from_ms, source=source)
    letters = reader.letters(from_ms=from_ms)
    sources = sorted({each.source for each in letters})
    found = [each for each in letters if source in ("", each.source)]
    pages = max(1, -(-len(found) // ROWS))
    page = min(query.number("page", 1), pages)
    head = fill(
        "dead_letters.html.j2", part="head", number=sum(each.number for each in found),
        dead=sum(each.number for each in found if each.reason == "dead"), kinds=len(found), days=days, choices=DAYS,
        source=source, sources=sources, last_ms=max((each.last_ms for each in found), default=None),
    )  # fmt: skip
    blocks: list[Block] = [head]
    if len({day_ms for day_ms, _, _ in by_day}) > 1:
        blocks.append(Chart(_chart(by_day), "Dead and late records by day"))
    tail = fill(
        "dead_letters.html.j2", part="tail", rows=found[(page - 1) * ROWS : page * ROWS], page=page, pages=pages,
        days=days, source=source,
    )  # fmt: skip
    return Shown("Dead letters", (*blocks, tail))


def _chart(by_day: list[tuple[int, str, int]]) -> go.Figure:
    figure = go.Figure()
    for reason, colour in COLOURS.items():
        those = [(day_ms, number) for day_ms, its, number in by_day if its == reason]
        if those:
            figure.add_bar(
                name=reason, x=[timestamp(day_ms)[:10] for day_ms, _ in those], y=[number for _, number in those],
                marker_color=colour,
            )  # fmt: skip
    figure.update_layout(barmode="stack", showlegend=True)
    return styled(figure, 220)
