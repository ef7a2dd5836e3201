"""Labels in JSON lines: most are scanned, batch by batch, and the rest is read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.plan import Plan, SourcePlan
from operators.encoding.letters import UnusableError
from operators.hashing import hash_places
from operators.labels.groups import item_hashes
from operators.labels.incoming import LabelReader, LabelReading, what_is_wrong
from operators.labels.join_chunks import sampled
from operators.labels.own_labels import own_labels
from operators.reading.columns import distinct, steps
from operators.reading.csv_rows import Malformed
from operators.reading.records import Identity
from operators.reading.scan import TOKEN
from operators.reading.scan_values import NOTHING
from operators.reading.scanner import BESIDE, ID, MODEL, Ints, Keys, Scanned, keys_of, scanned

# As tokens of records, so that `Scanned` finds them; a label is written as a prediction is, a group as an id.
_FORMS = {name: BESIDE[name] for name in ("id", "timestamp", "model")} | {"label": BESIDE["prediction"]}
_OF_GROUPS = _FORMS | {"group": BESIDE["id"]}
_LABEL, _GROUP = len(_FORMS) - 1, len(_FORMS)


class ScannedLabelReader:
    """Reads the batches of a source of labels as `LabelReader` does, which gets what the scanner leaves.

    Attributes
    ----------
    columns : set of str
        Columns of a table that are looked at.
    """

    def __init__(self, plan: Plan, source: SourcePlan) -> None:
        self._each = LabelReader(plan, source)
        self._place = source.fields.label
        self._keys = _keys(source, _OF_GROUPS if self._each.ranked else _FORMS)
        self.columns = self._each.columns

    def read(self, records: Sequence[bytes | None] | pa.Table, malformed: Sequence[Malformed] = ()) -> LabelReading:
        """Read a batch; None is a tombstone, malformed rows are null in a table."""
        if self._keys is None or isinstance(records, pa.Table):
            return self._each.read(records, malformed)
        found = scanned(self._keys, records)
        left: Ints = np.flatnonzero(~found.taken)
        reading = ScannedLabelReading(records, found, left, self._each.read([records[row] for row in left.tolist()]))
        for named, rows in _by_model(found):
            self._judge(reading, found, named, rows)
        return reading

    def _judge(self, reading: ScannedLabelReading, found: Scanned, named: str | None, rows: Ints) -> None:
        """Say what becomes of scanned labels that all name one model, or none."""
        try:
            whose = self._each.whose(named)
        except UnusableError as error:
            reading.dead.update(dict.fromkeys(rows.tolist(), str(error)))
            return
        if whose is None:
            reading.ignored += rows.tolist()
            return
        without = found.forms[rows, ID] == NOTHING
        if without.any():
            reading.dead.update(dict.fromkeys(rows[without].tolist(), self._each.without_id))
            rows = rows[~without]
        labels = own_labels(found.column(_LABEL, rows, truths=True), whose.prediction, self._place, texts=False)
        fine, outcomes = np.zeros(len(rows), np.bool_), np.full(len(rows), np.nan)
        wrong: dict[int, str] = {}
        if labels is not None:
            fine[labels.positions], outcomes[labels.positions], wrong = True, labels.outcomes, dict(labels.wrong)
        missing = str(what_is_wrong(None, whose.prediction, self._place, texts=False))
        reading.dead |= {int(rows[at]): wrong.get(at, missing) for at in np.flatnonzero(~fine).tolist()}
        is_ranked = whose.model in self._each.ranked
        if is_ranked:
            without = fine & (found.forms[rows, _GROUP] == NOTHING)
            reading.dead.update(dict.fromkeys(rows[without].tolist(), self._each.without_group))
            fine &= ~without
        rows, outcomes = rows[fine], outcomes[fine]
        by = hash_places(found.data, found.tokens[rows, _GROUP if is_ranked else ID])
        chosen = sampled(by, whose.plan)
        reading.ignored += rows[~chosen].tolist()
        rows, by = rows[chosen], by[chosen]
        hashes = item_hashes(by, found.hashes(rows)) if is_ranked else by
        reading.hashes[rows], reading.by[rows], reading.outcomes[rows] = hashes, by, outcomes[chosen]
        if len(rows):
            group = reading.groups.setdefault((whose.model, "", ""), [])
            group += rows.tolist()
            group.sort()


def _keys(source: SourcePlan, wanted: Mapping[str, int]) -> Keys | None:
    """The keys of a label; None where they stand within others."""
    paths = [steps(getattr(source.fields, name)) for name in wanted]
    if len(set(paths)) < len(paths) or any(len(path) != 1 for path in paths):
        return None
    forms = enumerate(zip(paths, wanted.values(), strict=True))
    return keys_of([(path[0], 0, TOKEN, form, at) for at, (path, form) in forms], 0, len(wanted))


def _by_model(found: Scanned) -> Iterator[tuple[str | None, Ints]]:
    """Scanned labels by the model that they name."""
    rows = np.flatnonzero(found.taken)
    if not len(rows):
        return
    if found.name_the_same(rows, [MODEL]):
        yield found.texts(MODEL, rows[:1])[0].as_py(), rows
        return
    names, which = distinct(found.texts(MODEL, rows))
    for at, name in enumerate(names):
        if (which == at).any():
            yield name, rows[which == at]


class ScannedLabelReading(LabelReading):
    """A batch of labels of which the scanner read most.

    Parameters
    ----------
    lines
        All labels.
    found
        What it found.
    left
        Positions of those that it left.
    rest
        These.
    """

    def __init__(self, lines: Sequence[bytes | None], found: Scanned, left: Ints, rest: LabelReading) -> None:
        at: list[int] = left.tolist()
        self.rows = len(lines)
        self.hashes, self.by = np.zeros(len(lines), np.uint64), np.zeros(len(lines), np.uint64)
        self.outcomes = np.full(len(lines), np.nan)
        self.hashes[left], self.by[left], self.outcomes[left] = rest.hashes, rest.by, rest.outcomes
        self.dead = {at[row]: error for row, error in rest.dead.items()}
        self.groups: dict[Identity, list[int]] = {
            whose: [at[row] for row in rows] for whose, rows in rest.groups.items()
        }
        self.ignored = [at[row] for row in rest.ignored]
        self._lines, self._found, self._left, self._rest = lines, found, left, rest

    def plain_times(self) -> npt.NDArray[np.int64]:
        """Times of labels in ms where they are plain to see, else `plain_times.NO_TIME`."""
        return self._found.plain_times()

    def timestamps(self, rows: Sequence[int]) -> Sequence[object]:
        """What some of the labels say of their times."""
        at = np.array(rows, np.int64)
        taken = self._found.taken[at]
        said = dict(zip(at[taken].tolist(), self._found.timestamps(at[taken]), strict=True))
        others = at[~taken].tolist()
        rest = self._rest.timestamps(np.searchsorted(self._left, others).tolist())
        said |= zip(others, rest, strict=True)
        return [said[row] for row in rows]

    def payload(self, row: int) -> bytes | None:
        """A label as it was written."""
        return self._lines[row]
