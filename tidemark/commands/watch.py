"""`tidemark watch`: the drift events as they come."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from config.load import Configuration, load
from consumers.event_files import EventFiles
from consumers.follower import Follower
from schemas.events import DriftEvent, Event, RefusedEvent, RetrainEvent, StreamEvent, encode

FRAME = 5  # lines of the terminal that are not rows: head, its rule, blank ones and the prompt
STYLES = {"critical": "bold red", "warning": "yellow", "resolved": "green"}


class Start(str, Enum):
    """Where to begin."""

    earliest = "earliest"
    latest = "latest"


def watch(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration of the job.")],
    start: Annotated[
        Start, typer.Option("--from", help="Show what was there before, or only what comes.")
    ] = Start.earliest,
    json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
    most: Annotated[int | None, typer.Option("--max", min=1, metavar="N", help="End after N events.")] = None,
) -> None:
    """Show drift events as they come, until Ctrl-C: a table of episodes on a terminal, lines elsewhere.

    Events are read from the sink that CONFIG names. Of a topic only what the job has committed is shown; of a
    finished file all of it. What is not an event of a type known to this release is skipped and counted.

    Example: tidemark watch monitors.yaml --from latest
    """
    with suppress(KeyboardInterrupt), _source(load(config), start) as source:
        try:
            _show(islice(source.events(), most), json)
        finally:
            if source.reader.skipped:
                print(source.reader.skipped, file=sys.stderr)


def _show(events: Iterator[Event], json: bool) -> None:
    try:
        if json:
            _print(encode(event).decode() for event in events)
        elif sys.stdout.isatty():
            _table(events)
        else:
            _print(_line(event) for event in events)
    except BrokenPipeError:  # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _source(configuration: Configuration, start: Start) -> Follower | EventFiles:
    sink = configuration.plan.events
    if sink.path is not None:
        return EventFiles(Path(sink.path), start.value)
    assert sink.topic is not None  # a sink has one or the other ...
    assert configuration.kafka is not None  # ... and a topic has brokers: `load` sees to both
    return Follower(configuration.kafka.client_settings(), sink.topic, start.value)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _line(event: Event) -> str:
    what = event.type.rpartition(".")[2]
    severity = f" {event.data.severity}" if isinstance(event, DriftEvent) else ""
    id = f" [{_about(event)[:8]}]" if isinstance(event, RetrainEvent) else ""
    if isinstance(event, DriftEvent):  # the episode, of the incident
        id = f" [{event.data.episode[:8]} of {event.data.incident[:8]}]"
    muted = " (muted)" if event.data.muted else ""
    return _printable(f"{event.time} {what}{severity} {event.subject}: {event.data.message}{id}{muted}")


def _printable(text: str) -> str:
    """The text with control characters spelled out: names and values come from records, and records from anybody."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _table(events: Iterator[Event]) -> None:
    """One row per episode, retrain request and stream that fell silent; the newest news at the bottom."""
    console = Console()
    rows: dict[str, Event] = {}
    with Live(_rows([]), console=console, auto_refresh=False) as live:
        for event in events:
            about = _about(event)
            rows.pop(about, None)
            rows[about] = event
            while len(rows) > max(1, console.height - FRAME):
                del rows[next(iter(rows))]
            live.update(_rows(rows.values()), refresh=True)


def _about(event: Event) -> str:
    if isinstance(event, DriftEvent):
        return event.data.episode
    return event.data.request if isinstance(event, RetrainEvent) else event.subject


def _rows(events: Iterable[Event]) -> Table:
    table = Table("since", "state", "id", "subject", "what", box=SIMPLE, expand=True)
    for column in table.columns:
        column.no_wrap = True
    table.columns[-1].ratio = 1
    for event in events:
        state = event.type.rpartition(".")[2]
        if isinstance(event, DriftEvent):
            since = event.data.onset
            state = state if state == "resolved" else event.data.severity
        elif isinstance(event, RetrainEvent):
            since = event.data.train_on.start
        elif isinstance(event, RefusedEvent):
            since = event.time
        else:
            since = event.data.last_record if isinstance(event, StreamEvent) else event.data.start
        id = _about(event)[:8] if isinstance(event, (DriftEvent, RetrainEvent)) else ""
        told = [Text(_printable(text)) for text in (id, event.subject, event.data.message)]
        table.add_row(_minute(since), Text(state, STYLES.get(state, "")), *told)
    return table


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")
