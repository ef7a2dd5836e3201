"""`tidemark listen`: the actions and the store of a configuration."""

from __future__ import annotations

import logging
import sys
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from config.load import load
from consumers.delivery import Outcome
from consumers.listening import Listening
from schemas.logs import JsonLines, about
from tidemark.options import AsJson, Config
from tidemark.printing import tell


def listen(
    config: Config,
    rehearse: Annotated[
        bool, typer.Option("--dry-run", help="Fill each action with an event of each type, call nobody, and end.")
    ] = False,
    start: Annotated[
        str,
        typer.Option("--from", metavar="START", help="Where a new action or store begins: earliest, latest or a time."),
    ] = "earliest",
    replay: Annotated[
        str | None,
        typer.Option(metavar="START", help="Go back there; what was acted on is left out, what failed is not."),
    ] = None,
    until_end: Annotated[bool, typer.Option("--until-end", help="End when all events are acted on.")] = False,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Begins the names of the groups; by default tidemark-JOB.")
    ] = None,
    memory: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the ids of events that were acted on are kept.")
    ] = Path(".tidemark/handled.db"),
    json: AsJson = False,
) -> None:
    """Act on drift events and retrain requests as the configuration's `actions` say, until Ctrl-C.

    With `store` in the configuration, events and summaries are written there as well, each once.

    Each action acts once on each event, and tries again what fails; what fails for good goes to the topic
    EVENTS-failed. Before it begins, all templates are filled with an event of each type.

    Example: tidemark listen monitors.yaml --from latest
    """
    loaded = load(config)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if loaded.plan.job.logs == "json" else logging.Formatter("%(message)s"))
    logging.basicConfig(handlers=[handler])
    with closing(Listening(loaded, group=group, start=start, memory=memory)) as listening:
        rehearsed = listening.rehearse()
        if rehearse:
            for action, type, line in rehearsed:
                print(msgspec.json.encode({"action": action, "type": type, "call": line}).decode() if json else
                      f"{action}: {type}: {line}")  # fmt: skip
            return
        for action in dict.fromkeys(action for action, _, _ in rehearsed):
            tell(f"{action}: listening")
        if loaded.store is not None:
            tell(f"store {loaded.store.name}: writing")

        def tell_outcome(action: str, outcome: Outcome) -> None:
            print(_json(action, outcome) if json else _line(action, outcome), flush=True)

        counts = listening.run(tell_outcome, replay_from=replay, until_end=until_end)
    for action, count in counts.items():
        skipped = f", {count.unknown + count.malformed} skipped" if count.unknown + count.malformed else ""
        tell(f"{action}: {count.handled} done, {count.repeated} before, {count.dead} failed{skipped}")


def _result(outcome: Outcome) -> str:
    if outcome.failure is None:
        return "done"
    return "failed" if outcome.wait_s is None else "again"


def _line(action: str, outcome: Outcome) -> str:
    event, failure = outcome.event, outcome.failure
    what = f"{_now()} {action}: {_result(outcome)} {event.type.removeprefix('io.tidemark.')} {event.subject}"
    if failure is not None:
        then = f", in {outcome.wait_s:.0f} s" if outcome.wait_s is not None else ""
        what += f" (attempt {failure.attempts}{then}): {failure.error}"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in what)


def _json(action: str, outcome: Outcome) -> str:
    failure = outcome.failure
    told = {
        "time": _now(),
        "action": action,
        "result": _result(outcome),
        "event": outcome.event.id,
        "type": outcome.event.type,
        "subject": outcome.event.subject,
        "model": about(outcome.event).get("tidemark.model"),
        "segment": about(outcome.event).get("tidemark.segment"),
        "attempt": failure.attempts if failure else None,
        "error": failure.error if failure else None,
        "again_in_s": outcome.wait_s,
    }
    return msgspec.json.encode({name: value for name, value in told.items() if value is not None}).decode()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
