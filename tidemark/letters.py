"""Why records were not used, in a few lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from schemas import dead_letters
from schemas.dead_letters import DeadLetter

MOST = 5  # kinds of errors that are told


def reasons(letters: Iterable[bytes]) -> Iterator[str]:
    """Each kind of error, the most frequent first: how many records of which source, and where the first of them is."""
    counts: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], DeadLetter] = {}
    for data in letters:
        letter = dead_letters.decode(data).data
        kind = (letter.source, letter.reason, letter.error)
        counts[kind] += 1
        first.setdefault(kind, letter)
    for (source, reason, error), count in counts.most_common(MOST):
        letter = first[source, reason, error]
        yield f"{reason}: {count:,} of {source}, the first in row {letter.row} of {letter.path}: {error}"
    if len(counts) > MOST:
        yield f"{len(counts) - MOST} more kinds of errors"
