"""What kept state was made under, noted beside it: a run that cannot go on from it says so instead of misreading it."""

from __future__ import annotations

import fsspec
import msgspec

from config.durations import duration
from config.plan import Plan
from schemas.errors import UsageError

NOTE = "made-under.json"


class Made(msgspec.Struct, frozen=True):
    """The parts of a plan that the graph's own state depends on."""

    pane_ms: int
    sources: tuple[tuple[str, str], ...]  # name, and topic or path: what decides the ids of Flink's operators

    @classmethod
    def under(cls, plan: Plan) -> Made:
        """Those of a plan."""
        used = (source for source in plan.sources if source.kind != "labels")
        return cls(plan.job.pane_ms, tuple((source.name, str(source.topic or source.path)) for source in used))


def note(where: str, plan: Plan) -> None:
    """Leave the note in a job's folder of checkpoints, before its first one."""
    system, place = fsspec.core.url_to_fs(where)
    system.makedirs(place, exist_ok=True)
    system.pipe_file(f"{place}/{NOTE}", msgspec.json.encode(Made.under(plan)))


def check(where: str, plan: Plan) -> None:
    """Refuse to go on from state that was made under other panes or sources.

    Raises
    ------
    UsageError
        Flink would take the state and cut overlapping panes, or not find it.
    """
    system, place = fsspec.core.url_to_fs(where)
    try:
        made = msgspec.json.decode(system.cat_file(f"{place}/{NOTE}"), type=Made)
    except FileNotFoundError:
        return
    now = Made.under(plan)
    remedy = "put it back, or begin anew with --fresh"
    if made.pane_ms != now.pane_ms:
        was, is_ = duration(made.pane_ms), duration(now.pane_ms)
        message = f"job.pane: was {was} in the run to go on from, is {is_}; {remedy}"
        raise UsageError(message)
    if made.sources != now.sources:
        was, is_ = (", ".join(f"{name} from {place}" for name, place in m.sources) for m in (made, now))
        message = f"sources: were {was} in the run to go on from, are {is_}; {remedy}"
        raise UsageError(message)
