"""`airflow`: a run of a DAG. Its id is made of the event's, so that there is one however often it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from config.actions import Airflow
from config.templates import values
from consumers.actions.web import Call, Send, signed

EXISTS = 409


def act(settings: Airflow, scope: Mapping[str, Any], key: str, send: Send) -> None:
    """Trigger the DAG: by API v2 of Airflow 3, or v1 of Airflow 2."""
    base = settings.url.text(scope).rstrip("/")
    headers, auth = signed(scope, token=settings.token, username=settings.username, password=settings.password)
    if auth is not None and settings.api == "v2":  # which takes tokens only, and gives them
        asked = Call("POST", f"{base}/auth/token", json={"username": auth[0], "password": auth[1]})
        headers, auth = {"authorization": f"Bearer {send(asked).word('access_token')}"}, None
    body: dict[str, Any] = {
        "dag_run_id": f"tidemark__{key}",
        "conf": values(settings.conf, scope) if settings.conf is not None else {"event": scope["payload"]},
    }
    if settings.api == "v2":
        body["logical_date"] = None  # it has to be said, and two runs may not have the same
    url = f"{base}/api/{settings.api}/dags/{quote(settings.dag.text(scope), safe='')}/dagRuns"
    send(Call("POST", url, headers, json=body, auth=auth, accepted=(EXISTS,)))
