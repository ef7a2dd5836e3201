"""Dead letters in the store: counted by what is wrong with them, each once, whatever their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, case, select, update

from schemas.dead_letters import DeadLetter, DeadLetterEvent
from store.tables import day_ms, letters, places

PLACES = 5  # of the last records that are shown: enough to look one up
# Of a source and a day; errors name fields and types, which whoever sends records can make up without end.
ERRORS = 200
OTHERS = "other errors"
ERROR_LENGTH = 300  # characters that are kept of an error


@dataclass(frozen=True)
class Letter:
    """A dead letter, and where it stands in its topic."""

    topic: str
    partition: int
    offset: int
    time_ms: int  # of the record; where that is not known, when the letter was read
    read: DeadLetterEvent


def place(letter: DeadLetter) -> str:
    """Where the record stands that could not be used.

    >>> place(DeadLetter(source="s", topic="predictions", partition=2, offset=48112, reason="dead", error="..."))
    'predictions[2]@48112'
    """
    if letter.path is not None:
        return f"{letter.path}:{letter.row}"
    return f"{letter.topic}[{letter.partition}]@{letter.offset}" if letter.offset is not None else str(letter.topic)


def count(connection: Connection, insert: Callable[[Table], Any], found: Sequence[Letter]) -> int:
    """Count those that were not counted before, and give their number."""
    new = _new(connection, insert, found)
    kinds: dict[tuple[str, str, str, str, int], list[Letter]] = defaultdict(list)
    known: dict[tuple[Any, ...], set[str]] = {}
    for each in new:
        data = each.read.data
        group = each.read.source, data.source, data.reason, day_ms(each.time_ms)
        if group not in known:
            known[group] = _errors(connection, group)
        error = data.error[:ERROR_LENGTH]
        if error not in known[group]:
            error = error if len(known[group]) < ERRORS else OTHERS
            known[group].add(error)
        kinds[(*group[:3], error, group[3])].append(each)
    if kinds:
        statement = insert(letters)
        newer = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[column.name for column in letters.primary_key],
                set_={
                    "number": letters.c.number + newer.number,
                    "last_ms": case((newer.last_ms > letters.c.last_ms, newer.last_ms), else_=letters.c.last_ms),
                    "places": newer.places,
                },
            ),
            [
                {
                    **dict(zip(("job", "source", "reason", "error", "day_ms"), kind, strict=True)),
                    "number": len(alike),
                    "last_ms": max(each.time_ms for each in alike),
                    "places": "\n".join(place(each.read.data) for each in alike[-PLACES:]),
                }
                for kind, alike in sorted(kinds.items())
            ],
        )
    return len(new)


def _new(connection: Connection, insert: Callable[[Table], Any], found: Sequence[Letter]) -> list[Letter]:
    """Those that stand behind what is counted of their partitions, which are locked until the transaction ends."""
    new: list[Letter] = []
    parts: dict[tuple[str, int], list[Letter]] = defaultdict(list)
    for each in found:
        parts[each.topic, each.partition].append(each)
    for (topic, partition), its in sorted(parts.items()):
        here = (places.c.topic == topic) & (places.c.partition == partition)
        connection.execute(
            insert(places).values(topic=topic, partition=partition, next=0).on_conflict_do_nothing()
        )  # takes the lock, too
        next = connection.scalar(select(places.c.next).where(here).with_for_update())
        last = {each.offset: each for each in its if each.offset >= (next or 0)}
        if last:
            new += last.values()
            connection.execute(update(places).where(here).values(next=max(last) + 1))
    return new


def _errors(connection: Connection, group: tuple[str, str, str, int]) -> set[str]:
    columns = letters.c.job, letters.c.source, letters.c.reason, letters.c.day_ms
    same = select(letters.c.error).where(*(column == value for column, value in zip(columns, group, strict=True)))
    return set(connection.scalars(same))
