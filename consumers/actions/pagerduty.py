"""`pagerduty`: an alert by the Events API v2, one for each incident, resolved when all of it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.actions import PagerDuty
from consumers.actions.web import Call, Send

SUMMARY = 1024  # characters that PagerDuty takes
LEVELS = {"critical": "critical", "warning": "warning"}


def act(settings: PagerDuty, scope: Mapping[str, Any], key: str, send: Send) -> None:
    """Trigger or resolve the alert that has the incident as its key."""
    event = scope["event"]
    data = event["data"]
    about = data.get("incident") or key
    body: dict[str, Any] = {
        "routing_key": settings.routing_key.text(scope),
        "event_action": "resolve" if event["type"] == "io.tidemark.drift.resolved" else "trigger",
        "dedup_key": about,
    }
    if body["event_action"] == "trigger":
        told = scope["payload"]["data"]
        details = {name: value for name, value in told.items() if name not in ("signals", "info")}
        body["payload"] = {
            "summary": settings.summary.text(scope)[:SUMMARY],
            "source": event["source"],
            "severity": LEVELS.get(data.get("severity") or "", "error"),
            "timestamp": event["time"],
            "component": data["model"],
            "class": event["type"],
            "custom_details": details,
        }
        runbook = data["info"].get("runbook")
        if isinstance(runbook, str):
            body["links"] = [{"href": runbook, "text": "runbook"}]
    send(Call("POST", settings.url.text(scope), json=body))
