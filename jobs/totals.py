"""Totals: what a run did, since its state began."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDS = ("read", "used", "dead", "late", "ignored")  # read = used + dead + late; ignored ones are among the used
# read = all the others, and labels that wait for their prediction
LABELS = ("read", "matched", "duplicate", "orphan", "overdue", "ignored", "dead", "late")


@dataclass
class Totals:
    """Records and labels by fate, events by type."""

    records: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RECORDS, 0))
    labels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LABELS, 0))
    events: dict[str, int] = field(default_factory=dict)
    counted: int = 0  # by the monitors of whole traffic: as many as were used and not ignored

    def as_json(self) -> str:
        """The last line of a command with ``--json``."""
        return json.dumps({"records": self.records, "labels": self.labels, "events": dict(sorted(self.events.items()))})


def read_totals(report: Path) -> Totals:
    """Totals from the file that a job keeps them in; zeros where there is none yet."""
    totals = Totals()
    try:
        known: dict[str, Any] = json.loads(report.read_bytes() or b"{}")
    except FileNotFoundError:
        return totals
    totals.records.update(known.get("records", {}))
    totals.labels.update(known.get("labels", {}))
    totals.events.update(known.get("events", {}))
    totals.counted = known.get("counted", 0)
    return totals
