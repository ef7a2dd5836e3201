"""Which fields the records of a reference have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import pyarrow as pa

from config.plan import SourcePlan
from operators.quality.field_names import SHAPES, TABLES, FieldNames, limited, shown
from schemas.profile import Fields

NAMED = 1_000  # most frequent names that a profile has; of data that are keys it would have as many as records
KEPT = 20_000  # names that are counted at the same time; of more the rarest are given up


class FieldCounts:
    """Counts the fields of a reference's records.

    Parameters
    ----------
    source
        How they are read.

    Examples
    --------
    >>> counts = FieldCounts(SourcePlan(name="predictions", kind="predictions", topic="predictions"))
    >>> counts.add([b'{"id": 1}', b'{"id": 2, "odd": 3}'], [0, 1])
    >>> counts.fields(disclose=2)
    Fields(form='json', records=2, named={'/id': 2}, rest=1, most=1)
    """

    def __init__(self, source: SourcePlan) -> None:
        self._names = FieldNames(source)
        self._form: Literal["json", "table"] = "table" if source.format in TABLES else "json"
        self._shapes: Counter[tuple[str, ...]] = Counter()
        self._found: Counter[str] = Counter()
        self._rest = self._most = self._records = 0

    def add(self, records: Sequence[bytes] | pa.Table, rows: Iterable[int]) -> None:
        """Count some records of a block."""
        if isinstance(records, pa.Table):
            self._shapes[limited(map(shown, records.column_names))] += len(list(rows))
        else:
            self._shapes.update(names for row in rows if (names := self._names.of(records[row])) is not None)
        if len(self._shapes) > SHAPES:
            self._sum_up()

    def _sum_up(self) -> None:
        for names, count in self._shapes.items():
            self._records += count
            for name in names:
                self._found[name] += count
        self._shapes.clear()
        if len(self._found) > KEPT:
            self._give_up(KEPT // 2, 0)

    def _give_up(self, kept: int, least: int) -> None:
        ranked = sorted(self._found.items(), key=lambda item: (-item[1], item[0]))
        given_up = [count for at, (_, count) in enumerate(ranked) if at >= kept or count < least]
        self._found = Counter(dict(ranked[: len(ranked) - len(given_up)]))
        self._rest += len(given_up)
        self._most = max(self._most, *given_up) if given_up else self._most

    def fields(self, disclose: int) -> Fields | None:
        """What was counted, without the names of fewer records than that; None where there was nothing."""
        self._sum_up()
        if not self._records:
            return None
        self._give_up(NAMED, min(disclose, self._records))
        named = dict(sorted(self._found.items()))
        return Fields(form=self._form, records=self._records, named=named, rest=self._rest, most=self._most)
