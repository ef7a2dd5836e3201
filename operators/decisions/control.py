"""Control: from messages of people and pipelines to what the policies are told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from operators.decisions import outputs
from operators.decisions.outputs import Told
from operators.encoding.keys import monitor_key
from schemas import control, segments
from schemas.cloudevents import milliseconds, timestamp
from schemas.control import PROFILED, Accept, ControlError
from schemas.dead_letters import DeadLetter
from schemas.errors import DataError

NAME = "control"  # the source's, in dead letters
_ASKED = b"A"  # what a part of a pane begins with that is a message: chunks begin with their format


class Line(msgspec.Struct, frozen=True):
    """A line of a control file, with the time that it says itself."""

    row: int
    time_ms: int
    data: bytes


def read(data: bytes, time_ms: int, models: Collection[str]) -> tuple[str, Told]:
    """The model that a message is about, and what its policy is told.

    Raises
    ------
    ControlError
        It is no message, or about a model that is not watched.
    """
    event = control.decode(data)
    model = event.data.model
    if model not in models:
        message = f"control: is about a model that is not watched (there are: {', '.join(sorted(models))})"
        raise ControlError(message)
    return model, Told(time_ms=time_ms, id=event.id, command=event.data)


def asked(told: Told) -> tuple[str, bytes] | None:
    """The monitor's key that a message is for, and the part of its pane that it comes as; None: it is for policies."""
    command = told.command
    if not isinstance(command, Accept) or command.kind not in PROFILED:
        return None
    key = monitor_key(command.model, command.version, command.role, segments.text(command.segment))
    return key, _ASKED + outputs.encode(told)


def apart(parts: Sequence[bytes]) -> tuple[Sequence[bytes], list[Told]]:
    """Chunks of a pane, and the messages among them in the order of their times."""
    told = [one for part in parts if part[:1] == _ASKED if isinstance(one := outputs.decode(part[1:]), Told)]
    if not told:
        return parts, []
    return [part for part in parts if part[:1] != _ASKED], sorted(told, key=lambda one: (one.time_ms, one.id))


def pane_end(time_ms: int, pane_ms: int) -> int:
    """End of the pane in which a message takes effect.

    >>> pane_end(19_999, 10_000), pane_end(20_000, 10_000)
    (20000, 30000)
    """
    return time_ms - time_ms % pane_ms + pane_ms


def time_of(data: bytes) -> int:
    """When what is told, or asked, was said."""
    return outputs.decode(data.removeprefix(_ASKED)).time_ms


def lines(path: str) -> list[Line]:
    """The lines of a control file, in the order of their times; one that says none stands at 1970.

    A file that is not there has none: who first tells something makes it.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        message = f"control {path}: cannot be read ({error.strerror})"
        raise DataError(message) from error
    found = [Line(row, _time_ms(line), line) for row, line in enumerate(data.splitlines()) if line.strip()]
    return sorted(found, key=lambda line: (line.time_ms, line.row))


def told(path: str, models: Collection[str]) -> Iterator[tuple[str, Told] | DeadLetter]:
    """What a control file tells the policies, and its lines that cannot be used."""
    for line in lines(path):
        try:
            yield read(line.data, line.time_ms, models)
        except ControlError as error:
            yield letter(error, path=path, row=line.row)


def letter(
    error: ControlError,
    topic: str | None = None,
    time_ms: int | None = None,
    path: str | None = None,
    row: int | None = None,
) -> DeadLetter:
    """What is told of a message that cannot be used."""
    when = None if time_ms is None else timestamp(time_ms)
    return DeadLetter(
        source=NAME, topic=topic, path=path, row=row, reason="dead", error=str(error), event_time=when
    )  # fmt: skip


class _Timed(msgspec.Struct):
    time: str


def _time_ms(line: bytes) -> int:
    try:
        return milliseconds(msgspec.json.decode(line, type=_Timed).time)
    except (msgspec.DecodeError, ValueError):
        return 0
