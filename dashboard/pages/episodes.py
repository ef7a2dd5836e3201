"""Episodes of all models, the newest first."""

from __future__ import annotations

from typing import Any, get_args

from dashboard.findings import Findings
from dashboard.shown import Query, Shown
from dashboard.templates import fill
from schemas.terms import Kind

ROWS = 50  # a page of the table
STATES = ("open", "over")
SEVERITIES = ("critical", "warning")


def episodes(findings: Findings, query: Query) -> Shown:
    """The page: searched, filtered and cut into pages by the store."""
    asked: dict[str, Any] = {
        "search": query.get("search", query.get("model")),
        "state": _one_of(query.get("state"), STATES),
        "severity": _one_of(query.get("severity"), SEVERITIES),
        "kind": _one_of(query.get("kind"), get_args(Kind)),
    }
    number, _ = findings.reader.episodes_like(**asked, most=0)
    pages = max(1, -(-number // ROWS))
    page = min(query.number("page", 1), pages)
    _, found = findings.reader.episodes_like(**asked, skip=(page - 1) * ROWS, most=ROWS)
    table = fill(
        "episodes.html.j2",
        rows=found,
        told=findings.reader.told([each.episode for each in found]),
        number=number,
        asked=asked,
        page=page,
        pages=pages,
        choices={"state": STATES, "severity": SEVERITIES, "kind": get_args(Kind)},
    )
    return Shown("Episodes", (table,))


def _one_of(given: str, known: tuple[str, ...]) -> str:
    return given if given in known else ""
