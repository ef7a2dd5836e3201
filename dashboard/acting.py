"""What people can do on pages: acknowledge, mute and accept, by messages on the control topic of the job.

They come over the page's own connection, which other sites' pages cannot open (`dashboard.limits`); no address acts.
What comes from the browser is anybody's: all of it is looked at again here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_args

import msgspec
from nicegui import run, ui

from config import durations
from dashboard.findings import Findings
from dashboard.shown import Controls, Query
from dashboard.templates import fill
from schemas.accepting import acceptance, problem
from schemas.control import Acknowledge, Command, Judgement, Mute
from schemas.errors import TidemarkError, UsageError
from schemas.events import DriftEvent

NOBODY = "dashboard"  # says it, where no reverse proxy says who it is
LONGEST_WHY = 500  # characters
MUTES = ("2 h", "8 h", "1 day", "7 days")
# What is sent from a form: its fields, and the button by which it was sent. The browser does not leave the page.
SENT = """(event) => {
  event.preventDefault();
  emit({...Object.fromEntries(new FormData(event.target)), button: event.submitter ? event.submitter.value : ""});
}"""


def on_episode(findings: Findings, query: Query, event: DriftEvent) -> tuple[Controls, ...]:
    """A form to say what an episode is, where the job listens."""
    if findings.tell is None:
        return ()
    given = {
        "over": event.data.why is not None,
        "acceptable": problem(event.data, undo=False) is None,
        "undoable": event.data.why == "accepted" and problem(event.data, undo=True) is None,
    }
    build = partial(_form, findings, query, partial(of_episode, findings, event.data.episode), given)
    return (Controls(f"episode {sorted(given.items())}", build),)


def _form(
    findings: Findings, query: Query, meant: Callable[[Mapping[str, str]], Command], given: dict[str, bool]
) -> None:
    by = query.user or NOBODY

    async def send(arguments: Any) -> None:
        said.set_text("Telling the job ...")
        said.set_text(await run.io_bound(told, findings, meant, arguments.args, by) or "")

    with ui.element("form").classes("act").on("submit", send, js_handler=SENT):
        markup = fill("act.html.j2", judgements=get_args(Judgement), mutes=MUTES, by=query.user, **given).markup
        ui.html(str(markup), sanitize=False).classes("part")
        said = ui.label().classes("soft").props('role="status"')


def told(findings: Findings, meant: Callable[[Mapping[str, str]], Command], sent: Mapping[str, str], by: str) -> str:
    """Send what a form means; what there is to say about it."""
    assert findings.tell is not None
    try:
        findings.tell(msgspec.structs.replace(meant(sent), by=by[:LONGEST_WHY]))
    except TidemarkError as error:
        return f"Not done: {error}{'' if str(error).endswith('?') else '.'}"
    return "The job is told. What follows is shown here as soon as it says so."


def of_episode(findings: Findings, id: str, sent: Mapping[str, str]) -> Command:
    """What a form on the page of an episode means, as the episode is now.

    Raises
    ------
    UsageError
        Nothing can follow from it.
    """
    event = findings.reader.story(id)[-1]
    assert isinstance(event, DriftEvent)
    fields = sent if isinstance(sent, Mapping) else {}
    button, why = (str(fields.get(name, "")).strip()[:LONGEST_WHY] for name in ("button", "why"))
    if button in get_args(Judgement):
        return Acknowledge(model=event.data.model, episode=id, as_=button, why=why)  # type: ignore[arg-type]
    if button in ("accept", "undo"):
        wrong = problem(event.data, undo=button == "undo")
        if wrong or not why:
            message = f"the episode {wrong}" if wrong else "say why: whoever looks at it later will want to know"
            raise UsageError(message)
        return acceptance(event, why, undo=button == "undo")
    if button in ("mute", "unmute"):
        length = str(fields.get("for", ""))
        if button == "mute" and length not in MUTES:
            message = f"'{length[:20]}' is not how long to mute a model here ({', '.join(MUTES)})"
            raise UsageError(message)
        return Mute(model=event.data.model, for_ms=durations.milliseconds(length) if button == "mute" else 0, why=why)
    message = f"'{button[:20]}' is nothing that a page can ask for"
    raise UsageError(message)
