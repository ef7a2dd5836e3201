"""`command`: a program that gets the event as JSON on its standard input, and its key in its environment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from config.actions import Command
from consumers.retries import GiveUp, RetryLater

KEY = "TIDEMARK_IDEMPOTENCY_KEY"
SAID = 300  # characters of what it said at last that a message shows


def run(settings: Command, scope: Mapping[str, Any], key: str, directory: Path) -> None:
    """Run it to its end.

    Raises
    ------
    GiveUp
        There is no such program.
    RetryLater
        It failed, or did not end in time.
    """
    words = [word.text(scope) for word in settings.run]
    variables = {name: value.text(scope) for name, value in settings.env.items()}
    try:
        process = subprocess.Popen(
            words,
            cwd=directory / (settings.dir or "."),
            env={**os.environ, KEY: key, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # it is ended with all that it has started, and Ctrl-C is not for it
        )
    except (OSError, ValueError) as error:
        message = f"{words[0]}: {error.strerror if isinstance(error, OSError) else error}"
        raise GiveUp(message) from None
    try:
        _, said = process.communicate(msgspec.json.encode(scope["payload"]), timeout=settings.timeout / 1000)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        message = f"{words[0]}: did not end within {settings.timeout / 1000:g} s"
        raise RetryLater(message) from None
    if process.returncode:
        last = " ".join(said.decode(errors="replace").split())[-SAID:]
        message = f"{words[0]}: ended with {process.returncode}{f': {last}' if last else ''}"
        raise RetryLater(message)
