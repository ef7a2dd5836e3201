"""`github`: a `repository_dispatch` event, which starts the workflows that wait for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from config.actions import GitHub
from config.templates import values
from consumers.actions.web import Call, Send

TYPE = 100  # characters that GitHub takes
PAYLOAD = 60_000  # bytes; GitHub takes 65,535 characters


def act(settings: GitHub, scope: Mapping[str, Any], key: str, send: Send) -> None:
    """Dispatch the event; without the evidence where it would be too long."""
    if settings.payload is not None:
        payload = values(settings.payload, scope)
    else:
        payload = {"event": scope["payload"], "idempotency_key": key}
        if len(msgspec.json.encode(payload)) > PAYLOAD:
            event = scope["payload"]
            data = {name: value for name, value in event["data"].items() if name != "signals"}
            payload["event"] = {**event, "data": data}
    headers = {
        "authorization": f"Bearer {settings.token.text(scope)}",
        "accept": "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
    }
    url = f"{settings.url.text(scope).rstrip('/')}/repos/{settings.repository.text(scope)}/dispatches"
    body = {"event_type": settings.event_type.text(scope)[:TYPE], "client_payload": payload}
    send(Call("POST", url, headers, json=body))
