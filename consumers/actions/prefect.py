"""`prefect`: a flow run of a deployment, with Prefect's own idempotency key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from config.actions import Prefect
from config.templates import values
from consumers.actions.web import Call, Send, signed


def act(settings: Prefect, scope: Mapping[str, Any], key: str, send: Send) -> None:
    """Create the flow run; a deployment by name, ``FLOW/DEPLOYMENT``, is looked up first."""
    base = settings.url.text(scope).rstrip("/")
    headers, auth = signed(scope, token=settings.api_key, username=settings.username, password=settings.password)
    deployment = settings.deployment.text(scope)
    if "/" in deployment:
        flow, _, name = deployment.partition("/")
        asked = f"{base}/deployments/name/{quote(flow, safe='')}/{quote(name, safe='')}"
        deployment = send(Call("GET", asked, headers, auth=auth)).word("id")
    body = {
        "idempotency_key": key,
        "parameters": (
            values(settings.parameters, scope) if settings.parameters is not None else {"event": scope["payload"]}
        ),
    }
    url = f"{base}/deployments/{quote(deployment, safe='')}/create_flow_run"
    send(Call("POST", url, headers, json=body, auth=auth))
