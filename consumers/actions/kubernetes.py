"""`kubernetes`: a Job. Its name is made of the event's id, so that there is one however often it is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.actions import Kubernetes
from config.templates import values
from consumers.actions.web import Call, Send
from consumers.retries import GiveUp
from schemas.cloudevents import identity

NAME = 63 - 13  # characters of a label's value, of which a dash and twelve of the id are ours
EXISTS = 409
EVENT_LABEL = "tidemark.io/event"


def act(settings: Kubernetes, scope: Mapping[str, Any], key: str, send: Send) -> None:
    """Create the Job; one that is there already is done."""
    given = values(settings.job, scope)
    if not isinstance(given, dict):
        message = "'job' is neither a Job nor the spec of one"
        raise GiveUp(message)
    job = dict(given) if "spec" in given else {"spec": given}
    name = re.sub(r"[^a-z0-9-]+", "-", settings.name.text(scope).lower()).strip("-")[:NAME].rstrip("-") or "retrain"
    metadata = dict(job.get("metadata") or {})
    # Of the job as well: two actions with one event and one name are two jobs. As the file has it, without secrets.
    metadata["name"] = f"{name}-{identity(key, repr(settings.job))[:12]}"
    metadata["labels"] = {**(metadata.get("labels") or {}), EVENT_LABEL: key}
    job = {"apiVersion": "batch/v1", "kind": "Job", **job, "metadata": metadata}
    if settings.token is not None:
        token = settings.token.text(scope)
    else:
        token = _token(settings.token_file)
    server = settings.server.text(scope).rstrip("/")
    url = f"{server}/apis/batch/v1/namespaces/{settings.namespace.text(scope)}/jobs"
    send(Call("POST", url, {"authorization": f"Bearer {token}"}, json=job, accepted=(EXISTS,)))


def _token(path: str) -> str:
    """Read it each time: those of service accounts change every hour."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"token file {path!r} cannot be read ({error.strerror})"
        raise GiveUp(message) from None
