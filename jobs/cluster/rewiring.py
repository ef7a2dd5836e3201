"""State of a job with other sources than the one that is to go on from it.

Flink finds the state of an operator by its id. Ours have ids of their own; those of SQL's are counted through, so that
a source more or less gives each of them another one. All but two of SQL's keep nothing: the sources, where they are in
their topics, and the windows, the chunks of panes that are open. These are given the ids that they have in the new
graph. So nothing is read again: what was counted is counted once, and no pane loses a record.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import fsspec

from config.plan import Plan
from jobs.monitor import OWNER
from jobs.positions import METADATA, SOURCE
from schemas.errors import JobError, UsageError

WINDOWS = "_global-window-aggregate"  # ends the uid of what keeps the open panes
TABLE = "source_"  # begins a source's table, before its number in the plan
BEFORE = ".before"  # ends the name of the metadata with the ids that a savepoint was made with
WATERMARK = "watermark"  # the windows' state that says how far they are


def evaluated_ms(state: str) -> int | None:
    """Event time that the windows had come to in a savepoint; None where there was none yet.

    Parameters
    ----------
    state
        The savepoint, a folder.
    """
    jvm, made = _read(state)
    marks: list[int] = []
    for operator in made.getOperatorStates():
        if (operator.getOperatorUid().orElse("") or "").endswith(WINDOWS):
            marks += _watermarks(jvm, operator)
    return min(marks, default=None)


def rewire(state: str, before: Plan, after: Plan, graph: Any) -> None:
    """Give the operators in a savepoint the ids that they have in a graph; what it has them for is left out.

    Parameters
    ----------
    state
        The savepoint, a folder; its metadata is written anew.
    before, after
        The plan it was made under, and that of the graph.
    graph
        Flink's JobGraph.

    Raises
    ------
    JobError
        The graph has no windows: it is of another release.
    """
    jvm, made = _read(state)
    ids = dict(_ids(jvm, graph))
    if WINDOWS not in ids:
        message = f"savepoint {state}: Flink names the windows otherwise here; submit the job anew, with --fresh"
        raise JobError(message)
    checkpoint = jvm.org.apache.flink.runtime.checkpoint
    operators, gone = made.getOperatorStates(), []
    for at, operator in enumerate(operators):
        role = _role(operator.getOperatorName().orElse("") or "", operator.getOperatorUid().orElse("") or "")
        if role is None:
            continue
        if role != WINDOWS:
            role = moved(role, before, after)
        if role not in ids:
            gone.append(at)  # a source that is read no more
            continue
        name, uid, number = ids[role]
        new = checkpoint.OperatorState(name, uid, number, operator.getParallelism(), operator.getMaxParallelism())
        for subtask, held in operator.getSubtaskStates().items():
            new.putState(subtask, held)
        if operator.getCoordinatorState() is not None:
            new.setCoordinatorState(operator.getCoordinatorState())
        operators[at] = new
    for at in reversed(gone):
        del operators[at]
    out = jvm.java.io.ByteArrayOutputStream()
    checkpoint.Checkpoints.storeCheckpointMetadata(made, jvm.java.io.DataOutputStream(out))
    system, place = fsspec.core.url_to_fs(f"{state}/{METADATA}")
    aside = f"{place}.new"
    system.pipe_file(aside, bytes(out.toByteArray()))
    system.copy(place, place + BEFORE)
    system.mv(aside, place)  # whole or not at all


def check_owner(state: str, plan: Plan) -> None:
    """Refuse state of another job, as far as it can be read from here; older releases did not say whose it is.

    Raises
    ------
    UsageError
        It is of another one.
    """
    try:
        _, made = _read(state)
    except (OSError, ImportError):
        return  # it is on the cluster's machines alone
    own = f"{plan.job.environment}/{plan.job.name}"
    for operator in made.getOperatorStates():
        name = str(operator.getOperatorName().orElse("") or "")
        if name.startswith(OWNER) and name != OWNER + own:
            message = (
                f"state {state}: is of job {name.removeprefix(OWNER)}, not of {own}; "
                "give a savepoint of this job, or begin anew with --fresh"
            )
            raise UsageError(message)


def undo(state: str) -> None:
    """Give a savepoint back the ids that it was made with."""
    system, place = fsspec.core.url_to_fs(f"{state}/{METADATA}")
    if system.exists(place + BEFORE):
        system.mv(place + BEFORE, place)


def added(before: Plan, after: Plan) -> tuple[int, ...]:
    """Numbers of the sources of a plan that the one before did not read.

    A source is the same if it has the same name and topic: another topic has other offsets.
    """
    known = {(source.name, source.topic) for source in before.sources}
    return tuple(n for n, source in enumerate(after.sources) if (source.name, source.topic) not in known)


def moved(table: str, before: Plan, after: Plan) -> str | None:
    """The table of a plan that reads what a table of the one before did; None where none does."""
    source = before.sources[int(table.removeprefix(TABLE))]
    for number, other in enumerate(after.sources):
        if (other.name, other.topic) == (source.name, source.topic):
            return f"{TABLE}{number}"
    return None


def _role(name: str, uid: str) -> str | None:
    """What an operator is in any graph: a table that it reads, or the windows; None of all others."""
    table = name.rpartition(".")[2]
    if name.startswith(SOURCE) and table.startswith(TABLE):
        return table
    return WINDOWS if uid.endswith(WINDOWS) else None


def _ids(jvm: Any, graph: Any) -> Iterator[tuple[str, tuple[str, str, Any]]]:
    for vertex in jvm.java.util.ArrayList(graph.getVerticesSortedTopologicallyFromSources()):
        for pair in vertex.getOperatorIDs():
            name, uid = str(pair.getUserDefinedOperatorName()), str(pair.getUserDefinedOperatorUid())
            role = _role(name, uid)
            if role is not None:
                yield role, (name, uid, pair.getGeneratedOperatorID())


def _watermarks(jvm: Any, operator: Any) -> Iterator[int]:
    for subtask in jvm.java.util.ArrayList(operator.getStates()):
        for handle in jvm.java.util.ArrayList(subtask.getManagedOperatorState()):
            offsets = handle.getStateNameToPartitionOffsets().get(WATERMARK)
            data = bytes(handle.openInputStream().readAllBytes())
            for offset in () if offsets is None else offsets.getOffsets():
                yield struct.unpack_from(">q", data, offset)[0]


def _read(state: str) -> tuple[Any, Any]:
    from pyflink.java_gateway import get_gateway

    jvm = get_gateway().jvm
    system, place = fsspec.core.url_to_fs(f"{state}/{METADATA}")
    data = jvm.java.io.DataInputStream(jvm.java.io.ByteArrayInputStream(system.cat_file(place)))
    loader = jvm.Thread.currentThread().getContextClassLoader()
    return jvm, jvm.org.apache.flink.runtime.checkpoint.Checkpoints.loadCheckpointMetadata(data, loader, state)
