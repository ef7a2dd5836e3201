"""Templates of pages: everything that is put in is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from dashboard import links
from dashboard.report.page import number, values
from dashboard.shown import Html
from schemas.cloudevents import timestamp

DAY_MS = 86_400_000
NONE = "\N{EN DASH}"  # where there is no value


def fill(template: str, **given: Any) -> Html:
    """A template of `dashboard.pages`, filled."""
    return Html(Markup(_environment().get_template(template).render(**given)))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dashboard", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(links=links, number=number, values=values)
    environment.filters.update(minute=minute, ago=ago, share=share, count=count)
    return environment


def minute(time_ms: int | None) -> str:
    """A time, to the minute, UTC.

    >>> minute(1767607500000)
    '2026-01-05 10:05'
    """
    return "" if time_ms is None else timestamp(time_ms)[:16].replace("T", " ")


def ago(span_ms: float) -> str:
    """How long, in one unit.

    >>> ago(45_000), ago(5 * 60_000), ago(49 * 3_600_000)
    ('45 s', '5 min', '2 days')
    """
    for unit_ms, name in ((2 * DAY_MS, "days"), (5_400_000, "h"), (90_000, "min")):
        if span_ms >= unit_ms:
            return f"{span_ms // {'days': DAY_MS, 'h': 3_600_000, 'min': 60_000}[name]:,.0f} {name}"
    return f"{max(0, span_ms) // 1000:.0f} s"


def lasting(span_ms: float) -> str:
    """How long, in two units.

    >>> lasting(45_000), lasting(8_340_000), lasting(3 * DAY_MS)
    ('45 s', '2 h 19 min', '3 days')
    """
    units = ((DAY_MS, "days"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))
    first = next((place for place, (unit_ms, _) in enumerate(units) if span_ms >= unit_ms), len(units) - 1)
    parts: list[str] = []
    left_ms = max(0, int(span_ms))
    for unit_ms, name in units[first : first + 2]:
        number, left_ms = divmod(left_ms, unit_ms)
        if number or not parts:
            parts.append("1 day" if (number, name) == (1, "days") else f"{number:,} {name}")
    return " ".join(parts)


def share(value: float | None) -> str:
    """A share as a percentage; a dash where there is none.

    >>> share(0.1234), share(1.0)
    ('12.3 %', '100 %')
    """
    if value is None:
        return NONE
    return f"{value * 100:.0f} %" if value in (0, 1) or value >= 0.9995 else f"{value * 100:.1f} %"


def count(value: float | None) -> str:
    """A whole number with separators; a dash where there is none.

    >>> count(1234567)
    '1,234,567'
    """
    return NONE if value is None else f"{value:,.0f}"
