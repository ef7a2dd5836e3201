"""One page of HTML with everything in it: plots as SVG, and the tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.quality import simulated, tidemark
from benchmarks.quality.comparison import Results
from benchmarks.quality.contenders import NAMES
from benchmarks.quality.tables import Table
from benchmarks.quality.tuning import Row

STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b2733 }
table { border-collapse: collapse; margin: 0.5rem 0 }
td, th { padding: 0.2rem 0.7rem; border-bottom: 1px solid #dde3ea; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
.own { font-weight: 600; background: #eaf4fb }
.wide { overflow-x: auto }
p.note { color: #566; max-width: 60rem }
text { font: 12px system-ui, sans-serif; fill: #1b2733 }
"""
WIDTH, LINE, LEFT, RIGHT = 860, 24, 290, 110
OWN, OTHER = "#1478b8", "#9fb3c4"


def html(tables: Sequence[Table], results: Results, rows: Sequence[Row], notes: Sequence[str]) -> str:
    """The page."""
    parts = [_plots(results, rows), *(_table(table) for table in tables)]
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Tidemark: quality of detection</title>"
        f"<style>{STYLE}</style><body><h1>How well drifts are found</h1>{''.join(parts)}"
        f"<h2>How the others are run</h2><ul>{listed}</ul></body></html>"
    )


def bars(title: str, values: Sequence[tuple[str, float | None]], mark: float | None = None) -> str:
    """Horizontal bars on a logarithmic scale, which differ by orders of magnitude; ``mark`` draws a line.

    What is 0 has no bar, what is None is not known.
    """
    known = [value for _, value in values if value] + ([mark] if mark else [])
    if not known:
        return ""
    low, high = min(known) / 2, max(known) * 1.1
    height = LINE * len(values) + 34

    def place(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / low) / math.log(high / low)

    drawn = [f"<text x='0' y='16' font-weight='600'>{escape(title)}</text>"]
    for number, (name, value) in enumerate(values):
        y = 28 + LINE * number
        said = "-" if value is None else f"{value:,.3g}"
        end = place(value) if value else LEFT
        colour = OWN if name.startswith(tidemark.NAME) else OTHER
        drawn.append(f"<text x='{LEFT - 8}' y='{y + 14}' text-anchor='end'>{escape(name)}</text>")
        drawn.append(f"<rect x='{LEFT}' y='{y + 2}' width='{end - LEFT:.1f}' height='{LINE - 7}' fill='{colour}'/>")
        drawn.append(f"<text x='{end + 5:.1f}' y='{y + 14}'>{said}</text>")
    if mark:
        x = place(mark)
        drawn.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='24' y2='{height}' stroke='#c0392b' stroke-dasharray='4 3'/>")
    return f"<p><svg viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'>{''.join(drawn)}</svg></p>"


def _plots(results: Results, rows: Sequence[Row]) -> str:
    drawn = []
    scored = [(name, results.score(name, change="none")) for name in NAMES]
    calm = [(name, one.false_in(simulated.CALM)[0] if one else None) for name, one in scored]
    drawn.append(bars("False episodes in a budget period without drift, all families (line: the budget)", calm, 1))
    for change in ("shift 0.5 sd", "spread x1.5", "mix 15 %"):
        scored = [(name, results.score(name, change=change)) for name in NAMES]
        shares = [(name, one.found if one else None) for name, one in scored]
        drawn.append(bars(f"Share found: {change}", shares))
    delays = [(f"{row.name}, {row.setting}", row.found.delay) for row in rows]
    drawn.append(bars("Delay in values at the same false-alarm rate: shift by 0.5 standard deviations", delays))
    return "".join(drawn)


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    lines = []
    for line in table.rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in line)
        lines.append(f"<tr{' class=own' if line[0].startswith(tidemark.NAME) else ''}>{cells}</tr>")
    note = f"<p class='note'>{escape(table.note)}</p>" if table.note else ""
    return f"<h2>{escape(table.title)}</h2><div class='wide'><table><tr>{head}</tr>{''.join(lines)}</table></div>{note}"
