"""Calls over HTTP: one request, its answer, and which answers are worth another attempt."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from config.templates import Secret, Template
from consumers.retries import GiveUp, RetryLater

AGAIN = (408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529)  # other answers stay what they are
LONGEST_AFTER_S = 3600.0  # who says "in a week" is asked in an hour: the end of `retry` decides, not the server
ANSWER_BYTES = 1_048_576  # of an answer that are read; those that we look into are some hundred
SAID = 200  # characters of an answer that a message shows


@dataclass(frozen=True)
class Answer:
    """What a server has said."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    def json(self) -> Any:
        """The answer's JSON, None if it is none."""
        try:
            return msgspec.json.decode(self.text)
        except msgspec.DecodeError:
            return None

    def word(self, name: str) -> str:
        """A text of the JSON object that the answer is.

        Raises
        ------
        GiveUp
            It has none.
        """
        found = self.json()
        word = found.get(name) if isinstance(found, dict) else None
        if not isinstance(word, str):
            message = f"the answer has no '{name}'"
            raise GiveUp(message)
        return word


@dataclass(frozen=True)
class Call:
    """A request.

    Parameters
    ----------
    method, url : str
        What is asked of whom.
    headers : mapping
        Beside those that every request has.
    json : object, optional
        The body, as JSON.
    form : mapping, optional
        The body, as a form.
    auth : tuple of str, optional
        Name and password (Basic).
    accepted : collection of int
        Answers that say that it is done, beside 200 to 299: it may have been before.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    auth: tuple[str, str] | None = None
    accepted: Collection[int] = ()

    @property
    def where(self) -> str:
        """The host, for messages; the rest of an address may be secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


Send = Callable[[Call], Answer]


def signed(
    scope: Mapping[str, Any], *, token: Template | None = None, username: Template | None, password: Secret | None
) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Headers and `Call.auth` of who asks: by a token, by name and password, or neither."""
    if token is not None:
        return {"authorization": f"Bearer {token.text(scope)}"}, None
    if username is None or password is None:
        return {}, None
    return {}, (username.text(scope), password.text(scope))


class Web:
    """Makes calls.

    Parameters
    ----------
    timeout_s : float
        How long a call may take from beginning to end.
    ca : str, optional
        File of certificates that servers are checked with instead of the usual ones.
    """

    def __init__(self, timeout_s: float, ca: str | None = None) -> None:
        # They tell whole addresses and headers, secrets and all, to whoever wants to know a little more.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca) if ca else True
        self._timeout_s = timeout_s
        self._client = httpx.Client(timeout=timeout_s, verify=verify, follow_redirects=False)

    def send(self, call: Call) -> Answer:
        """Make a call.

        Raises
        ------
        GiveUp
            The server refuses, and will the next time.
        RetryLater
            It did not answer, is not well, or says when to come back.
        """
        check(call)
        until_s = time.monotonic() + self._timeout_s
        body = {"json": call.json} if call.json is not None else {"data": call.form} if call.form is not None else {}
        what = f"{call.method} {call.where}"
        try:
            with self._client.stream(
                call.method, call.url, headers=dict(call.headers), auth=call.auth, **body
            ) as response:
                content = b""
                for piece in response.iter_bytes():
                    content += piece
                    if time.monotonic() > until_s:
                        raise httpx.ReadTimeout(what)
                    if len(content) > ANSWER_BYTES:
                        break
                answer = Answer(response.status_code, response.headers, content.decode(errors="replace"))
        except httpx.TimeoutException:
            message = f"{what}: no answer within {self._timeout_s:g} s"
            raise RetryLater(message) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError) as error:
            message = f"{what}: {error}"
            raise GiveUp(message) from None
        except httpx.HTTPError as error:
            message = f"{what}: {error or type(error).__name__}"
            raise RetryLater(message) from None
        judge(call, answer)
        return answer

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def check(call: Call) -> None:
    """See that a call can be made.

    Raises
    ------
    GiveUp
        Its address is none.
    """
    try:
        parts = urlsplit(call.url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        message = "the address is not http://HOST/... or https://HOST/..."
        raise GiveUp(message)


def judge(call: Call, answer: Answer) -> None:
    """Accept an answer, or raise what it comes to."""
    if 200 <= answer.status < 300 or answer.status in call.accepted:
        return
    said = " ".join(answer.text.split())[:SAID]
    message = f"{call.method} {call.where}: HTTP {answer.status}{f': {said}' if said else ''}"
    # GitHub says 403 to who has asked too often.
    limited = answer.status == 403 and (
        "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    )
    if answer.status not in AGAIN and not limited:
        raise GiveUp(message)
    after_s = _after_s(answer.headers)
    raise RetryLater(message, min(after_s, LONGEST_AFTER_S))


def _after_s(headers: Mapping[str, str]) -> float:
    """Seconds to wait by ``Retry-After`` (seconds or a date), or until GitHub's limit begins anew; 0: not said."""
    told = headers.get("retry-after")
    try:
        if told is not None:
            if told.strip().isdigit():
                return float(told)
            return max(0.0, (parsedate_to_datetime(told) - datetime.now(timezone.utc)).total_seconds())
        if headers.get("x-ratelimit-remaining") == "0":
            return max(0.0, float(headers["x-ratelimit-reset"]) - time.time())
    except (KeyError, ValueError, TypeError):
        pass  # no time that we can read is none
    return 0.0
