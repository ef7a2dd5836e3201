"""`jenkins`: a build of a job with parameters; the event's id is one of them, since Jenkins knows no such thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from config.actions import Jenkins
from consumers.actions.web import Call, Send

KEY = "TIDEMARK_EVENT"


def act(settings: Jenkins, scope: Mapping[str, Any], key: str, send: Send) -> None:
    """Queue the build; ``FOLDER/JOB`` is a job in a folder."""
    path = "".join(f"/job/{quote(part, safe='')}" for part in settings.job.text(scope).strip("/").split("/"))
    form = {name: value.text(scope) for name, value in settings.parameters.items()}
    url = f"{settings.url.text(scope).rstrip('/')}{path}/buildWithParameters"
    # With an API token as password Jenkins asks for no crumb.
    auth = (settings.username.text(scope), settings.token.text(scope))
    send(Call("POST", url, form={KEY: key, **form}, auth=auth))
