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
    """Where to; a template, as are all texts of actions."""
    method: Annotated[Literal["POST", "PUT", "PATCH", "GET", "DELETE"], OneOf("a method")] = "POST"
    """The method."""
    headers: dict[str, Template] = Field(default_factory=dict)
    """Headers by name; those that hold secrets come from the environment."""
    body: Tree = None
    """What is sent; without a word the event."""
    username: Template | None = None
    """For basic authentication."""
    password: Secret | None = None
    """For basic authentication."""
    timeout: Duration = written("30 s")
    """How long to wait for the answer."""

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
    """The words of the command."""
    env: dict[str, Template] = Field(default_factory=dict)
    """More variables of its environment."""
    dir: String | None = None
    """The folder that it runs in."""
    timeout: Duration = written("10 min")
    """After how long it is ended, and counts as failed."""

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
    """An incoming webhook."""
    token: Secret | None = None
    """A bot's token, with `channel`."""
    channel: Template | None = None
    """The channel, with `token`."""
    text: Template | None = None
    """The line; without a word the event's message and subject."""
    api: Template = written("https://slack.com/api")
    """Where Slack's API is."""
    timeout: Duration = written("30 s")
    """How long to wait for the answer."""

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
    """The key of the integration."""
    summary: Template = written("{{ event.data.message }}")
    """What people read first."""
    url: Template = written("https://events.pagerduty.com/v2/enqueue")
    """Where its Events API is."""
    timeout: Duration = written("30 s")
    """How long to wait for the answer."""


class Kubernetes(Section):
    """A Job of the cluster, its name made of the event's id."""

    job: Tree
    """A manifest of a Job, or the spec of one."""
    name: Template = written("retrain-{{ event.data.model }}")
    """What its name begins with."""
    namespace: Template = written("default")
    """Where it is made."""
    server: Template = written("https://kubernetes.default.svc")
    """The cluster's API."""
    token: Secret | None = None
    """A token; without a word the pod's own."""
    token_file: String = SERVICE_ACCOUNT + "/token"
    """A file with the token."""
    ca: String | None = None
    """PEM file of the authority of the API's certificate; without a word the pod's own."""
    timeout: Duration = written("30 s")
    """How long to wait for the answer."""


class Airflow(Section):
    """A run of a DAG, its id made of the event's."""

    url: Template
    """Where Airflow is."""
    dag: Template
    """Which DAG is run."""
    conf: Tree = None
    """The run's configuration; without a word the event."""
    username: Template | None = None
    """With `password`, or a `token`."""
    password: Secret | None = None
    """With `username`."""
    token: Secret | None = None
    """In the place of both."""
    api: Annotated[Literal["v1", "v2"], OneOf("an API of Airflow")] = "v2"
    """The version of its API: `v2` since Airflow 3."""
    timeout: Duration = written("30 s")
    """How long to wait for the answer."""

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
    """Where its API is; ends with `/api` or with the workspace."""
    deployment: Template
    """Its id, or `FLOW/DEPLOYMENT`."""
    parameters: Tree = None
    """The run's parameters; without a word `event`, the event."""
    api_key: Secret | None = None
    """Of Prefect Cloud."""
    username: Template | None = None
    """For basic authentication."""
    password: Secret | None = None
    """For basic authentication."""
    timeout: Duration = written("30 s")
    """How long to wait for the answer."""

    @model_validator(mode="after")
    def _complete(self) -> Prefect:
        _together(self, "username", "password")
        return self


class Jenkins(Section):
    """A build of a job with parameters."""

    url: Template
    """Where Jenkins is."""
    job: Template
    """The job; folders with `/` between."""
    username: Template
    """Whose token it is."""
    token: Secret
    """The user's API token."""
    parameters: dict[str, Template] = Field(default_factory=dict)
    """The build's parameters by name."""
    timeout: Duration = written("30 s")
    """How long to wait for the answer."""


class GitHub(Section):
    """A `repository_dispatch` event, which starts workflows."""

    repository: Template
    """`OWNER/NAME`."""
    token: Secret
    """A token that may dispatch events there."""
    event_type: Template = written("{{ event.type }}")
    """The type that workflows are started by."""
    payload: Tree = None
    """The event's `client_payload`; without a word the event."""
    url: Template = written("https://api.github.com")
    """Where GitHub's API is."""
    timeout: Duration = written("30 s")
    """How long to wait for the answer."""


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
    """Types of events."""
    name: String | None = None
    """By what it is known to have handled an event; without a word what it is."""
    models: Strings | None = None
    """Names or patterns; without a word all."""
    kinds: tuple[EpisodeKind, ...] | None = None
    """Kinds of episodes; without a word all."""
    severity: Severity | None = None
    """From which on; without a word all."""
    retry: Duration = written("2 h")
    """For how long what fails is tried again."""
    http: Http | None = None
    """Any webhook."""
    command: Command | None = None
    """A program."""
    slack: Slack | None = None
    """A message."""
    pagerduty: PagerDuty | None = None
    """A call."""
    kubernetes: Kubernetes | None = None
    """A Job."""
    airflow: Airflow | None = None
    """A run of a DAG."""
    prefect: Prefect | None = None
    """A flow run."""
    jenkins: Jenkins | None = None
    """A build."""
    github: GitHub | None = None
    """A `repository_dispatch` event."""

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
