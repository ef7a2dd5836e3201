from __future__ import annotations

from schemas.dead_letters import DeadLetter, decode, encode
from store import Letter, Reader, Writer
from store.letters import ERRORS, OTHERS
from store.tables import DAY_MS

SOURCE = "tidemark/prod/job"


def letter(offset, *, error="'age': expected a number", partition=0, day=0, reason="dead", path=None):
    found = DeadLetter(
        source="predictions",
        topic=None if path else "predictions",
        partition=None if path else 2,
        offset=None if path else 40_000 + offset,
        path=path,
        row=offset if path else None,
        reason=reason,
        error=error,
    )
    return Letter("drift-dead-letters", partition, offset, day * DAY_MS + offset, decode(encode(SOURCE, found)))


def test_each_is_counted_once(database):
    """However often it comes, in the same batch or in another."""
    writer, reader = Writer(database), Reader(database)
    batch = [letter(0), letter(1), letter(1), letter(0, partition=1)]
    assert [writer.count(batch), writer.count(batch), writer.count([letter(1), letter(2)])] == [3, 0, 1]
    (found,) = reader.letters()
    assert (found.job, found.source, found.reason, found.number) == (SOURCE, "predictions", "dead", 4)
    assert found.places == ("predictions[2]@40002",)
    assert reader.mark() == 2


def test_what_there_is_most_of_comes_first(database):
    """Counted by reason and error, days added up, files by row."""
    late = [letter(number, reason="late", error="late", day=1) for number in range(3)]
    Writer(database).count([letter(3, path="a.csv"), *late, letter(4, reason="late", error="late", day=2)])
    reader = Reader(database)
    assert [(each.error, each.number) for each in reader.letters()] == [("late", 4), ("'age': expected a number", 1)]
    assert reader.letters()[1].places == ("a.csv:3",)
    assert reader.letters_by_day(from_ms=DAY_MS) == [(DAY_MS, "late", 3), (2 * DAY_MS, "late", 1)]
    assert reader.letters(from_ms=2 * DAY_MS)[0].number == 1


def test_errors_without_end_are_counted_together(database):
    """Whoever sends records can make up names of fields: what is over the limit is one error more."""
    writer = Writer(database)
    for first in (0, 150):
        writer.count([letter(first + number, error=f"'f{first + number}': none") for number in range(150)])
    found = Reader(database).letters()
    assert len(found) == ERRORS + 1
    assert (found[0].error, found[0].number) == (OTHERS, 300 - ERRORS)


def test_they_go_with_the_windows(database):
    """By whole days."""
    writer = Writer(database)
    writer.count([letter(0, day=1), letter(1, day=2)])
    writer.prune(events_before_ms=0, summaries_before_ms=2 * DAY_MS + 5)
    assert [each.number for each in Reader(database).letters()] == [1]
