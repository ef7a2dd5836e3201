"""`slack`: a message to people, by an incoming webhook or `chat.postMessage`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.actions import Slack
from consumers.actions.web import Call, Send
from consumers.retries import GiveUp, RetryLater

PASSING = ("ratelimited", "rate_limited", "internal_error", "fatal_error", "request_timeout", "service_unavailable")


def act(settings: Slack, scope: Mapping[str, Any], key: str, send: Send) -> None:
    """Post a line about the event."""
    text = settings.text.text(scope) if settings.text is not None else _text(scope["event"])
    if settings.url is not None:
        send(Call("POST", settings.url.text(scope), json={"text": text}))
        return
    assert settings.token is not None  # the configuration is checked: a webhook, or both of these
    assert settings.channel is not None
    call = Call(
        "POST",
        settings.api.text(scope).rstrip("/") + "/chat.postMessage",
        {"authorization": f"Bearer {settings.token.text(scope)}"},
        json={"channel": settings.channel.text(scope), "text": text},
    )
    answer = send(call).json()
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        # Slack says 200 to almost anything.
        error = answer.get("error") if isinstance(answer, dict) else "no answer of Slack's"
        message = f"POST {call.where}: {error}"
        raise RetryLater(message) if error in PASSING else GiveUp(message)


def _text(event: Mapping[str, Any]) -> str:
    data = event["data"]
    what = " ".join(event["type"].removeprefix("io.tidemark.").split("."))
    severity = f"{data['severity']}: " if data.get("severity") else ""
    runbook = data["info"].get("runbook")
    line = f"*{severity}{what}* {event['subject']}: {data['message']}"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # Slack's own three
    return f"{line}\n{runbook}" if isinstance(runbook, str) else line
