"""Where in its topics a bounded run goes on, taken out of the state that it goes on from.

Flink's Kafka source keeps which partitions there are and where each has to stop. Restored as it is, one that had no
end gets none, and one that had an end never learns that it has seen all partitions: either way the run would not end.
So that state is taken out, and the source begins anew at the positions that it held.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import fsspec

from schemas.errors import JobError

METADATA = "_metadata"  # the file of a checkpoint or savepoint that says what belongs to it
KNOWN = b"\0\0\0\1\0\0\0\3"  # versions of Flink's frame around the source's knowledge of partitions, and of that
SOURCE = "Source: KafkaSource-"  # names of such operators begin so, and end with the table's
READERS = "SourceReaderState"
ASSIGNED = 0

Positions = dict[str, dict[int, int]]  # by table: the next offset of each partition, or -3 to -1 as Flink has them


def take(state: str) -> Positions:
    """Take the positions out of a checkpoint or savepoint; the sources in it are then as new.

    Parameters
    ----------
    state
        The folder, as of `savepoints.latest_checkpoint`.

    Raises
    ------
    JobError
        The state was written by another release of Flink's Kafka connector.
    """
    from pyflink.java_gateway import get_gateway

    jvm = get_gateway().jvm
    checkpoint = jvm.org.apache.flink.runtime.checkpoint
    system, place = fsspec.core.url_to_fs(f"{state}/{METADATA}")
    data = jvm.java.io.DataInputStream(jvm.java.io.ByteArrayInputStream(system.cat_file(place)))
    loader = jvm.Thread.currentThread().getContextClassLoader()
    made = checkpoint.Checkpoints.loadCheckpointMetadata(data, loader, state)
    positions: Positions = {}
    for at, operator in enumerate(made.getOperatorStates()):
        name = operator.getOperatorName().orElse("") or ""
        # One that has read everything is restored as such, and its position is not asked for.
        if name.startswith(SOURCE) and not operator.isFullyFinished():
            positions[name.rpartition(".")[2]] = _positions(jvm, operator, state)
            made.getOperatorStates()[at] = _as_new(jvm, operator)
    if positions:
        out = jvm.java.io.ByteArrayOutputStream()
        checkpoint.Checkpoints.storeCheckpointMetadata(made, jvm.java.io.DataOutputStream(out))
        aside = f"{place}.new"
        system.pipe_file(aside, bytes(out.toByteArray()))
        system.mv(aside, place)  # whole or not at all
    return positions


def _as_new(jvm: Any, operator: Any) -> Any:
    """The operator without state; which of its subtasks had finished has to agree with what is chained to it."""
    new = jvm.org.apache.flink.runtime.checkpoint.OperatorState(
        operator.getOperatorName().orElse(None),
        operator.getOperatorUid().orElse(None),
        operator.getOperatorID(),
        operator.getParallelism(),
        operator.getMaxParallelism(),
    )
    for number, subtask in operator.getSubtaskStates().items():
        if subtask.isFinished():
            new.putState(number, subtask)
    return new


def _positions(jvm: Any, operator: Any, state: str) -> dict[int, int]:
    if operator.getCoordinatorState() is None:
        return {}  # from before it looked for partitions
    held = {}
    for subtask in jvm.java.util.ArrayList(operator.getStates()):
        for handle in jvm.java.util.ArrayList(subtask.getManagedOperatorState()):
            offsets = handle.getStateNameToPartitionOffsets().get(READERS)
            data = bytes(handle.openInputStream().readAllBytes())
            for offset in () if offsets is None else offsets.getOffsets():
                partition, position, _ = _split(data[offset + 12 :])  # after its length, version and length again
                held[partition] = position
    known = bytes(operator.getCoordinatorState().getData())
    if not known.startswith(KNOWN):
        message = f"state {state}: written by another release of Flink's Kafka connector; begin anew with --fresh"
        raise JobError(message)
    found = {}
    for (partition, start, stop), status in _known(known[len(KNOWN) + 4 :]):
        # A partition that was read to its end is held no more.
        found[partition] = start if status != ASSIGNED else held.get(partition, stop)
    return found


def _known(data: bytes) -> Iterator[tuple[tuple[int, int, int], int]]:
    """Partitions that the source knows, each with whether it is being read.

    >>> split = struct.pack(">H1siqq", 1, b"t", 3, 42, 50)
    >>> list(_known(struct.pack(">iii", 1, 0, len(split)) + split + struct.pack(">i", ASSIGNED)))
    [((3, 42, 50), 0)]
    """
    (count,), at = struct.unpack_from(">i", data), 8  # then the version of a split
    for _ in range(count):
        (length,) = struct.unpack_from(">i", data, at)
        split = _split(data[at + 4 :])
        (status,) = struct.unpack_from(">i", data, at + 4 + length)
        at += 8 + length
        yield split, status


def _split(data: bytes) -> tuple[int, int, int]:
    """Partition, next offset and stopping offset of what the connector writes of a partition, after its topic."""
    (length,) = struct.unpack_from(">H", data)
    found: tuple[int, int, int] = struct.unpack_from(">iqq", data, 2 + length)
    return found
