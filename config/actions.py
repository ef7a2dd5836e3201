"""`actions`: what `tidemark listen` does with an event, and for which events. Two mechanisms, and presets of `http`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from config.scalars import Duration, OneOf, String, Strings, texts
from config.section import Also, Section, written
from config.templates import Secret, Template, Tree
from config.terms import EpisodeKind, EventType, Severity
from config.texts import shape

SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "api-key")
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"  # where every pod has its own token and certificate


def _together(section: Any, *names: str) -> None:
    given = [name for name in names if getattr(section, name) is not None]
    if given and len(given) < len(names):
        missing = next(name for name in names if name not in given)
        msg = f"has '{given[0]}' and no '{missing}'"
        raise ValueError(msg)


class Http(Section):
    """Any webhook: the event as it is, or a body of one's own."""

    short = "url"

    url: Template
    method: Annotated[Literal["POST", "PUT", "PATCH", "GET", "DELETE"], OneOf("a method")] = "POST"
    headers: dict[str, Template] = Field(default_factory=dict)
    body: Tree = None
    username: Template | None = None
    password: Secret | None = None
    timeout: Duration = written("30 s")

    @field_validator("headers")
    @classmethod
    def _refers(cls, headers: dict[str, Template]) -> dict[str, Template]:
        for name, value in headers.items():
            if name.lower() in SECRET_HEADERS and not value.filled:
                msg = f"'{name}' is written out; secrets come from the environment or a file ('${{NAME}}')"
                raise ValueError(msg)
        return headers

    @model_validator(mode="after")
    def _complete(self) -> Http:
        _together(self, "username", "password")
        return self


class Command(Section):
    """A program, not a shell; it gets the event as JSON on its standard input."""

    run: Annotated[tuple[Template, ...], BeforeValidator(texts)]
    env: dict[str, Template] = Field(default_factory=dict)
    dir: String | None = None
    timeout: Duration = written("10 min")

    @classmethod
    def arrange(cls, value: Any) -> Any:
        """Take the words alone, or a line of them."""
        if isinstance(value, str):
            return {"run": shlex.split(value)}
        return {"run": value} if isinstance(value, list) else value

    @classmethod
    def other_forms(cls, properties: dict[str, Any]) -> list[dict[str, Any]]:
        """Offer them to editors."""
        return [properties["run"], {"type": "string"}]


class Slack(Section):
    """A message to people, once an incident: an incoming webhook, or a channel and a bot's token."""

    short = "url"

    url: Secret | None = None
    token: Secret | None = None
    channel: Template | None = None
    text: Template | None = None
    api: Template = written("https://slack.com/api")
    timeout: Duration = written("30 s")

    @model_validator(mode="after")
    def _complete(self) -> Slack:
        _together(self, "token", "channel")
        if (self.url is None) == (self.token is None):
            msg = "needs either 'url', an incoming webhook, or 'token' and 'channel'"
            raise ValueError(msg)
        return self


class PagerDuty(Section):
    """A call to people, once an incident (Events API v2); `resolved` ends it when all of the incident is over."""

    short = "routing_key"

    routing_key: Secret
    summary: Template = written("{{ event.data.message }}")
    url: Template = written("https://events.pagerduty.com/v2/enqueue")
    timeout: Duration = written("30 s")


class Kubernetes(Section):
    """A Job of the cluster, its name made of the event's id."""

    job: Tree
    name: Template = written("retrain-{{ event.data.model }}")
    namespace: Template = written("default")
    server: Template = written("https://kubernetes.default.svc")
    token: Secret | None = None
    token_file: String = SERVICE_ACCOUNT + "/token"
    ca: String | None = None
    timeout: Duration = written("30 s")


class Airflow(Section):
    """A run of a DAG, its id made of the event's."""

    url: Template
    dag: Template
    conf: Tree = None
    username: Template | None = None
    password: Secret | None = None
    token: Secret | None = None
    api: Annotated[Literal["v1", "v2"], OneOf("an API of Airflow")] = "v2"
    timeout: Duration = written("30 s")

    @model_validator(mode="after")
    def _complete(self) -> Airflow:
        _together(self, "username", "password")
        if (self.username is None) == (self.token is None):
            msg = "needs either 'username' and 'password' or 'token'"
            raise ValueError(msg)
        return self


class Prefect(Section):
    """A flow run of a deployment."""

    url: Template
    deployment: Template
    parameters: Tree = None
    api_key: Secret | None = None
    username: Template | None = None
    password: Secret | None = None
    timeout: Duration = written("30 s")

    @model_validator(mode="after")
    def _complete(self) -> Prefect:
        _together(self, "username", "password")
        return self


class Jenkins(Section):
    """A build of a job with parameters."""

    url: Template
    job: Template
    username: Template
    token: Secret
    parameters: dict[str, Template] = Field(default_factory=dict)
    timeout: Duration = written("30 s")


class GitHub(Section):
    """A `repository_dispatch` event, which starts workflows."""

    repository: Template
    token: Secret
    event_type: Template = written("{{ event.type }}")
    payload: Tree = None
    url: Template = written("https://api.github.com")
    timeout: Duration = written("30 s")


def _list(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        msg = f"is {shape(value)}, not a list"
        raise ValueError(msg)
    return value


class Action(Section):
    """What is done with an event: one of the actions, and for which events."""

    on: Annotated[tuple[EventType, ...], BeforeValidator(_list), Also({"type": "string"})]
    name: String | None = None
    models: Strings | None = None
    kinds: tuple[EpisodeKind, ...] | None = None
    severity: Severity | None = None
    retry: Duration = written("2 h")
    http: Http | None = None
    command: Command | None = None
    slack: Slack | None = None
    pagerduty: PagerDuty | None = None
    kubernetes: Kubernetes | None = None
    airflow: Airflow | None = None
    prefect: Prefect | None = None
    jenkins: Jenkins | None = None
    github: GitHub | None = None

    @property
    def given(self) -> list[str]:
        """Which of the actions it has; one, if the configuration is right."""
        return [kind for kind in ACTIONS if getattr(self, kind) is not None]

    @property
    def kind(self) -> str:
        """Which of the actions it is."""
        return self.given[0]

    @property
    def settings(self) -> Any:
        """The action's own section."""
        return getattr(self, self.kind)


ACTIONS = ("http", "command", "slack", "pagerduty", "kubernetes", "airflow", "prefect", "jenkins", "github")


def names(actions: Sequence[Action]) -> list[str]:
    """What actions are called: as they say, else by what they are, the second and others of a kind with a number.

    By this name `tidemark listen` knows what an action has handled.
    """
    found: list[str] = []
    for action in actions:
        name, number = action.name or action.kind, 1
        while name in found:
            number += 1
            name = f"{action.kind}-{number}"
        found.append(name)
    return found
