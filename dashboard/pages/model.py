"""One model: what it gets, what it says, and how good it is."""

from __future__ import annotations

from dashboard.findings import Findings
from dashboard.shown import Missing, Query, Shown
from dashboard.templates import fill


def model(findings: Findings, query: Query) -> Shown:
    """The page of the model `name`."""
    name = query.get("name")
    keys = findings.reader.keys(name)
    episodes = findings.reader.episodes(name, going_on=True, most=50)
    if not keys and not episodes:
        message = f"there is no model '{name}' in the store"
        raise Missing(message)
    return Shown(name, (fill("model.html.j2", name=name, keys=keys, episodes=episodes),))
