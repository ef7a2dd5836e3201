"""All models: which of them needs a look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashboard.budget import budget
from dashboard.findings import Findings
from dashboard.shown import Query, Shown
from dashboard.templates import DAY_MS, fill
from store.found import Fleet

ROWS = 50  # a page of the table
SPAN_DAYS = 30  # of alarms seen and expected: that of most budgets

STATES = ("critical", "warning", "insufficient", "ok")
SORTS: dict[str, Callable[[Fleet, str], Any]] = {
    "state": lambda row, state: (STATES.index(state), -row.critical, -row.warning),
    "name": lambda row, state: (),
    "records": lambda row, state: -row.per_s,
    "labelled": lambda row, state: 2.0 if row.labelled is None else row.labelled,
    "alarms": lambda row, state: -(row.held.exceeded - row.held.expected) / (row.held.expected + 1) ** 0.5,
}


def fleet(findings: Findings, query: Query) -> Shown:
    """The page: searched, filtered, sorted and cut into pages here, so that a browser never has 500 models."""
    newest_ms = (findings.reader.span() or (0, 0))[1]
    since_ms = newest_ms - SPAN_DAYS * DAY_MS
    rows = [(row, _state(row)) for row in findings.reader.fleet(since_ms)]
    totals = {state: sum(each == state for _, each in rows) for state in STATES}
    search, wanted = query.get("search").casefold(), query.get("state")
    sort = query.get("sort") if query.get("sort") in SORTS else "state"
    found = [(row, state) for row, state in rows
             if search in row.model.casefold() and wanted in ("", state)]  # fmt: skip
    found.sort(key=lambda each: (SORTS[sort](*each), each[0].model))
    pages = max(1, -(-len(found) // ROWS))
    page = min(query.number("page", 1), pages)
    table = fill(
        "fleet.html.j2",
        rows=found[(page - 1) * ROWS : page * ROWS],
        found=len(found),
        models=len(rows),
        open=sum(row.critical + row.warning for row, _ in rows),
        per_s=sum(row.per_s for row, _ in rows),
        exceeded=sum(row.held.exceeded for row, _ in rows),
        expected=sum(row.held.expected for row, _ in rows),
        totals=totals,
        newest_ms=newest_ms or None,
        asked={"search": query.get("search"), "state": wanted, "sort": sort},
        sorts=tuple(SORTS),
        page=page,
        pages=pages,
        days=SPAN_DAYS,
    )
    return Shown("Models", (table, *budget(findings.reader, since_ms)))


def _state(row: Fleet) -> str:
    if row.critical:
        return "critical"
    if row.warning:
        return "warning"
    return "insufficient" if row.status in (None, "insufficient") else "ok"
