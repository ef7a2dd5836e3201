"""`http`: any webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.actions import Http
from config.templates import values
from consumers.actions.web import Call, Send, signed

CLOUDEVENT = "application/cloudevents+json"  # CloudEvents, HTTP binding, structured mode


def act(settings: Http, scope: Mapping[str, Any], key: str, send: Send) -> None:
    """Send the event, or a body of one's own, with its idempotency key."""
    headers = {name.lower(): value.text(scope) for name, value in settings.headers.items()}
    body = None
    if settings.body is not None:
        body = values(settings.body, scope)
    elif settings.method in ("POST", "PUT", "PATCH"):
        body = scope["payload"]
        headers.setdefault("content-type", CLOUDEVENT)
    _, auth = signed(scope, username=settings.username, password=settings.password)
    headers.setdefault("idempotency-key", key)
    send(Call(settings.method, settings.url.text(scope), headers, json=body, auth=auth))
