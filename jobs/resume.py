"""What kept state was made under, noted beside it: a run that cannot go on from it says so instead of misreading it."""

from __future__ import annotations

import contextlib

import fsspec
import msgspec

from config.durations import duration
from config.plan import Plan
from jobs.savepoints import is_checkpoint
from jobs.topics import Ends
from schemas.errors import UsageError

NOTE = "made-under.json"
GRAPH = 1  # raised when Flink's own operators get other ids, and older state would find nobody


class Made(msgspec.Struct, frozen=True):
    """The parts of a plan that the graph's own state depends on."""

    pane_ms: int
    sources: tuple[tuple[str, str], ...]  # name, and topic or path: what decides the ids of Flink's operators
    ends: Ends | None = None  # of a bounded run
    graph: int = 0  # `GRAPH` of the release
    control: str | None = None  # its topic or path: what it asks of monitors comes with the records
    job: str | None = None  # environment and name; None: an older release kept it
    state: str = "memory"  # what held it: checkpoints are in the form of that, savepoints in one of their own

    @classmethod
    def under(cls, plan: Plan, ends: Ends | None) -> Made:
        """Those of a plan."""
        sources = tuple((source.name, str(source.topic or source.path)) for source in plan.sources)
        said = plan.control
        topic = None if said is None else str(said.topic or said.path)
        job = plan.job
        return cls(job.pane_ms, sources, ends, GRAPH, topic, f"{job.environment}/{job.name}", job.state)


def note(where: str, plan: Plan, ends: Ends | None) -> None:
    """Leave the note in a job's folder of checkpoints, before its first one.

    Parameters
    ----------
    ends
        Where topics end for a bounded run; None for one that does not end.
    """
    system, place = fsspec.core.url_to_fs(where)
    system.makedirs(place, exist_ok=True)
    system.pipe_file(f"{place}/{NOTE}", msgspec.json.encode(Made.under(plan, ends)))


def note_if_possible(where: str, plan: Plan, ends: Ends | None) -> None:
    """As `note`, unless the folder is only on the machines of a cluster, or may not be written from here."""
    with contextlib.suppress(OSError, ImportError):
        note(where, plan, ends)


def check(where: str, plan: Plan, *, bounded: bool, restore: str = "") -> Ends | None:
    """Refuse to go on from state that was made under other panes or sources, or without an end from one with it.

    Parameters
    ----------
    where
        The job's folder of checkpoints.
    restore
        Which of them it is, or a savepoint.

    Returns
    -------
    Ends or None
        Where the run to go on from was to end, if it was bounded.

    Raises
    ------
    UsageError
        Flink would take the state and cut overlapping panes, not find it, or read no further than to that end.
    """
    system, place = fsspec.core.url_to_fs(where)
    try:
        made = msgspec.json.decode(system.cat_file(f"{place}/{NOTE}"), type=Made)
    except FileNotFoundError:
        return None
    now = Made.under(plan, None)
    if made.job not in (None, now.job):
        message = (
            f"state in {where}: is of job {made.job}, not of {now.job}; "
            "give a savepoint of this job, or begin anew with --fresh"
        )
        raise UsageError(message)
    if made.graph != now.graph:
        other = "an older" if made.graph < now.graph else "a newer"
        message = (
            f"state in {where}: was kept by {other} release, whose job is put together otherwise; "
            "go on with that release, or begin anew with --fresh"
        )
        raise UsageError(message)
    remedy = "put it back, or begin anew with --fresh"
    if made.pane_ms != now.pane_ms:
        was, is_ = duration(made.pane_ms), duration(now.pane_ms)
        message = f"job.pane: was {was} in the run to go on from, is {is_}; {remedy}"
        raise UsageError(message)
    if made.sources != now.sources:
        was, is_ = (", ".join(f"{name} from {place}" for name, place in m.sources) for m in (made, now))
        message = f"sources: were {was} in the run to go on from, are {is_}; {remedy}"
        raise UsageError(message)
    if made.control != now.control:
        was, is_ = (m.control or "not there" for m in (made, now))
        message = f"control: was {was} in the run to go on from, is {is_}; {remedy}"
        raise UsageError(message)
    if made.state != now.state and is_checkpoint(restore):
        message = (
            f"job.state: was {made.state} in the run to go on from, which left a checkpoint but no savepoint, is "
            f"{now.state}; put it back and end that run with a savepoint first, or begin anew with --fresh"
        )
        raise UsageError(message)
    if made.ends is not None and not bounded:
        message = (
            "the run to go on from ends where its topics ended when it began; "
            "let it end with --bounded, or begin anew with --fresh"
        )
        raise UsageError(message)
    return made.ends
