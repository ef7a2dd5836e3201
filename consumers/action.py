"""One action of a configuration as a handler of events: fills it, makes its calls, and lets no secret out."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from config.actions import SERVICE_ACCOUNT, Action
from config.templates import TemplateError, secrets_of
from consumers.actions import airflow, command, github, http, jenkins, kubernetes, pagerduty, prefect, slack
from consumers.actions.web import Answer, Call, Send, Web, check
from consumers.retries import GiveUp, RetryLater
from consumers.scope import scope
from schemas.events import DriftEvent, Event

PEOPLE = ("slack", "pagerduty")  # are called once an incident
CALLS: Mapping[str, Callable[[Any, Mapping[str, Any], str, Send], None]] = {
    "airflow": airflow.act,
    "github": github.act,
    "http": http.act,
    "jenkins": jenkins.act,
    "kubernetes": kubernetes.act,
    "pagerduty": pagerduty.act,
    "prefect": prefect.act,
    "slack": slack.act,
}
HIDDEN = "***"
CLUSTER_CA = f"{SERVICE_ACCOUNT}/ca.crt"
MARGIN_S = 60.0  # an action ends itself in time; this is for what it does before and after

# What a rehearsal is answered: with what the presets look for in an answer.
REHEARSED = Answer(200, text='{"ok":true,"id":"DEPLOYMENT","access_token":"TOKEN"}')


class Performer:
    """Does one action.

    Parameters
    ----------
    action : Action
        As configured.
    directory : Path
        What names of files are relative to.

    Attributes
    ----------
    timeout_s : float
        More than one attempt may take.
    """

    def __init__(self, action: Action, directory: Path) -> None:
        self.action = action
        self._directory = directory
        settings = action.settings
        self._secrets = sorted(_seen(settings), key=len, reverse=True)
        self.timeout_s = 4 * settings.timeout / 1000 + MARGIN_S  # presets make up to two calls
        self._web: Web | None = None
        if action.kind != "command":
            ca = getattr(settings, "ca", None)
            if action.kind == "kubernetes" and ca is None and Path(CLUSTER_CA).exists():
                ca = CLUSTER_CA
            self._web = Web(settings.timeout / 1000, str(directory / ca) if ca else None)

    def __call__(self, event: Event) -> None:
        """Act on an event.

        Raises
        ------
        GiveUp
            There is no use in trying again.
        RetryLater
            There is.
        """
        self._act(event, self._web.send if self._web is not None else None)

    def rehearse(self, event: Event) -> list[str]:
        """Fill everything and call nobody; return what would be done, without secrets.

        Raises
        ------
        GiveUp
            It cannot be done: a template fails, an address is none, a program is not there.
        """
        calls: list[Call] = []

        def record(call: Call) -> Answer:
            check(call)
            calls.append(call)
            return REHEARSED

        self._act(event, record)
        return [self.hide(f"{call.method} {call.url}") for call in calls] or [self._words(event)]

    def _words(self, event: Event) -> str:
        return self.hide(" ".join(word.text(scope(event)) for word in self.action.settings.run))

    def _act(self, event: Event, send: Send | None) -> None:
        settings, names, key = self.action.settings, scope(event), self._key(event)
        try:
            if self.action.kind != "command":
                assert send is not None
                CALLS[self.action.kind](settings, names, key, send)
            elif send is None:
                command.run(settings, names, key, self._directory)
            else:
                program = settings.run[0].text(names)
                where = self._directory / (settings.dir or ".")
                if shutil.which(program) is None and not (where / program).is_file():
                    message = f"there is no program '{program}'"
                    raise GiveUp(message)
        except TemplateError as error:
            raise GiveUp(self.hide(str(error))) from None
        except RetryLater as error:
            raise RetryLater(self.hide(str(error)), error.after_s) from None
        except GiveUp as error:
            raise GiveUp(self.hide(str(error))) from None

    def _key(self, event: Event) -> str:
        """The idempotency key: of people the incident, else the event."""
        if self.action.kind in PEOPLE and isinstance(event, DriftEvent):
            return event.data.incident
        return event.id

    def hide(self, text: str) -> str:
        """The text without secrets, whoever has put them there."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def close(self) -> None:
        """Close connections."""
        if self._web is not None:
            self._web.close()


def _seen(settings: Any) -> Iterator[str]:
    """The secrets of an action, in every form in which they travel."""
    found = set(secrets_of([value for _, value in settings]))
    yield from found
    yield from {quote(secret, safe="") for secret in found} - found
    username, password = getattr(settings, "username", None), getattr(settings, "password", None)
    password = password or (getattr(settings, "token", None) if username is not None else None)
    if username is not None and password is not None:
        pair = f"{username.text({})}:{password.text({})}" if "{" not in username.source.replace("${", "") else ""
        if pair:
            yield base64.b64encode(pair.encode()).decode()
