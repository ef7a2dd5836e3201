"""Counts of a column's names in bounded memory, and the categorical signal they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from operators.reading.values import Gap, disguised
from schemas.profile import TOP, CategoricalSignal

LIMIT = 100_000  # names counted at a time; a signal with more is an identifier rather than a category


class NameCounts:
    """Counts of names, exact as long as there are not more than `limit`; then rare ones are given up.

    Examples
    --------
    >>> counts = NameCounts()
    >>> counts.add(["gold", "basic", "gold", Gap.MISSING])
    >>> counts.names, counts.missing
    (Counter({'gold': 2, 'basic': 1}), 1)
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.names: Counter[str] = Counter()
        self.missing = 0
        self.invalid = 0
        self.given_up = 0  # values of names that are no longer counted
        self.distinct_given_up = 0
        self._limit = limit

    def add(self, names: Sequence[str | Gap]) -> None:
        """Count a column of names."""
        counts = Counter(names)
        self.missing += counts.pop(Gap.MISSING, 0)
        self.invalid += counts.pop(Gap.INVALID, 0)
        self.names.update(counts)  # type: ignore[arg-type]  # gaps are out
        if len(self.names) > self._limit:
            kept = _most_frequent(self.names)[: self._limit // 2]
            self.given_up += self.names.total() - sum(count for _, count in kept)
            self.distinct_given_up += len(self.names) - len(kept)
            self.names = Counter(dict(kept))

    def signal(self, *, disclose: int = 1, public: Collection[str] = (), sensitive: bool = False) -> CategoricalSignal:
        """Describe the signal by its names.

        Parameters
        ----------
        disclose
            Fewest values of a category that is named; the rest are counted together.
        public
            Names that may be shown however rare.
        sensitive
            Show no name, only what stands for it.
        """
        counts = self.names if not sensitive else Counter({disguised(name): n for name, n in self.names.items()})
        shown = {disguised(name) for name in public} if sensitive else set(public)
        listed = [(name, n) for name, n in _most_frequent(counts) if n >= disclose or name in shown][:TOP]
        count = counts.total() + self.given_up
        return CategoricalSignal(
            count=count,
            missing=self.missing,
            invalid=self.invalid,
            categories=tuple(listed),
            rest=count - sum(n for _, n in listed),
            distinct=len(counts) + self.distinct_given_up,
        )


def _most_frequent(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
