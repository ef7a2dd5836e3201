"""Labels as they come in: whose they are, by which id they find their prediction, and whether they can be used."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.plan import LabelsPlan, Plan, PredictionPlan, SourcePlan
from operators.encoding.letters import UnusableError
from operators.hashing import hash64
from operators.joins import joined
from operators.labels.groups import item_hashes
from operators.labels.join_chunks import sampled
from operators.metrics.outcomes import label_outcome, relevance
from operators.reading.columns import FIELDS, article, column_name, extract, follow, listed, names, not_json, steps
from operators.reading.csv_rows import Malformed
from operators.reading.plain_times import NO_TIME
from operators.reading.raw_lines import is_plain, usable
from operators.reading.records import Identity
from operators.reading.values import Gap, category, numeric

_WANTED = ("id", "timestamp", "model", "label")
_Values = tuple[Any, ...]  # id, time, model, label; of rankings also the group
_NOTHING: _Values = (None, None, None, None)


class LabelReader:
    """Reads the batches of a source of labels.

    Attributes
    ----------
    columns : set of str
        Columns of a table that are looked at.
    ranked : set of str
        Models whose labels are of items of groups.
    """

    def __init__(self, plan: Plan, source: SourcePlan) -> None:
        self._source = source
        self._are_texts = source.format in ("csv", "parquet")  # columns of tables are read as names
        self._decode = msgspec.json.Decoder(float_hook=float).decode
        self._models = {model.name: model.prediction for model in plan.models}
        self._labelled = joined(plan)
        self.ranked = {model.name for model in plan.models if model.is_ranking and model.name in self._labelled}
        self._wanted = (*_WANTED, "group") if self.ranked else _WANTED
        self._paths = [steps(getattr(source.fields, name)) for name in self._wanted]
        self._typed = self._typed_decoder()
        self._dead_letter = plan.on_unknown_model == "dead_letter"
        self.columns = {column_name(getattr(source.fields, name)) for name in FIELDS}

    def _typed_decoder(self) -> Callable[[bytes], Any] | None:
        """What reads nearly all lines by one call; None where fields stand within others."""
        if len(set(self._paths)) < len(self._paths) or any(len(path) != 1 for path in self._paths):
            return None
        named: Any = str | int | None
        kinds: list[Any] = [named, str | int | float | None, str | None, str | int | float | bool | None, named]
        fields = [(name, kind, None) for name, kind in zip(self._wanted, kinds, strict=False)]
        rename = {name: path[0] for name, path in zip(self._wanted, self._paths, strict=True)}
        return msgspec.json.Decoder(msgspec.defstruct("Label", fields, rename=rename, gc=False)).decode

    def read(self, records: Sequence[bytes | None] | pa.Table, malformed: Sequence[Malformed] = ()) -> LabelReading:
        """Read a batch; None is a tombstone, malformed rows are null in a table."""
        dead = {row: error for row, error, _ in malformed}
        if isinstance(records, pa.Table):
            values = self._of_table(records)
        else:
            values = [self._of_line(row, line, dead) for row, line in enumerate(records)]
        rows: list[int] = []
        ids: list[bytes] = []
        lists: dict[int, bytes] = {}  # of labels of rankings the groups, by position in `ids`
        groups: dict[Identity, list[int]] = {}
        ignored: list[int] = []
        fates: dict[tuple[object, ...], _Fate] = {}
        found: list[float] = []
        for row, (identity, _, model, label, *group) in enumerate(values):
            if row in dead:
                continue
            about = model, type(label), label  # the type too: 1 and true are equal
            fate = fates.get(about)
            if fate is None:
                fate = fates[about] = self._fate(model, label)
            if fate.whose is None:
                if fate.error:
                    dead[row] = fate.error
                else:
                    ignored.append(row)
            elif identity is None:
                dead[row] = self.without_id
            elif fate.error:
                dead[row] = fate.error
            elif fate.whose.model in self.ranked and group[0] is None:
                dead[row] = self.without_group
            else:
                if fate.whose.model in self.ranked:
                    lists[len(ids)] = _encoded(group[0])
                ids.append(_encoded(identity))
                rows.append(row)
                found.append(fate.outcome)
                groups.setdefault((fate.whose.model, "", ""), []).append(row)
        hashes = np.zeros(len(values), np.uint64)
        outcomes = np.full(len(values), np.nan)
        hashes[rows], outcomes[rows] = hash64(ids), found
        by = hashes
        if lists:
            by, at = hashes.copy(), np.array(rows)[list(lists)]
            by[at] = hash64(list(lists.values()))
            hashes[at] = item_hashes(by[at], hashes[at])
        for whose, positions in list(groups.items()):
            at = np.array(positions, np.int64)
            chosen = sampled(by[at], self._labelled[whose[0]])
            left_out = at[~chosen]
            ignored += left_out.tolist()
            groups[whose] = at[chosen].tolist()
            if not groups[whose]:
                del groups[whose]
            hashes[left_out], outcomes[left_out] = 0, np.nan
        payloads = {row: data for row, _, data in malformed}
        return LabelReading(values, (hashes, by), outcomes, dead, groups, ignored, records, payloads)

    def _of_line(self, row: int, line: bytes | None, dead: dict[int, str]) -> _Values:
        try:
            if self._typed is not None and line is not None and is_plain(line):
                found: _Values = msgspec.structs.astuple(self._typed(line))  # type: ignore[assignment]
                if found[3] is None or type(found[3]) is not float or math.isfinite(found[3]):
                    return found
        except msgspec.DecodeError:
            pass  # once more, field by field: to say what does not fit, or that nothing of it matters
        try:
            return self._by_field(line)
        except UnusableError as error:
            dead[row] = str(error)
        return _NOTHING

    def _by_field(self, line: bytes | None) -> _Values:
        try:
            document = self._decode(usable(line))
        except msgspec.ValidationError:
            message = "not JSON: a number of more than 4,300 digits"
            raise UnusableError(message) from None
        except msgspec.DecodeError as error:
            raise UnusableError(not_json(line or b"", error)) from None
        if type(document) is not dict:
            message = f"expected an object, got {article(document)}"
            raise UnusableError(message)
        identity, time, model, label, *group = (follow(document, path) for path in self._paths)
        if model is not None and type(model) is not str:
            raise UnusableError(self._misfit("model", "a text", model))
        for field, value in (("id", identity), *(("group", one) for one in group)):
            if value is not None and type(value) not in (str, int):
                raise UnusableError(self._misfit(field, "a text or a whole number", value))
        if type(label) in (list, dict):
            raise UnusableError(self._misfit("label", "a text, a number or a boolean", label))
        return identity, time, model, label, *group

    def _misfit(self, field: str, expected: str, value: Any) -> str:
        return f"'{field}': expected {expected}, got {article(value)} at {getattr(self._source.fields, field)}"

    def _of_table(self, table: pa.Table) -> list[_Values]:
        fields = extract(table, self._source, ()).fields
        nothing = [Gap.MISSING] * len(table)
        times = listed(fields["timestamp"]) if "timestamp" in fields else nothing
        columns = (
            times if name == "timestamp" else map(_or_none, names(fields[name]) if name in fields else nothing)
            for name in self._wanted
        )
        return list(zip(*columns, strict=True))

    @property
    def without_id(self) -> str:
        """What is wrong with a label that has none."""
        return f"'id': is missing at {self._source.fields.id}"

    @property
    def without_group(self) -> str:
        """What is wrong with a label of an item of a list that names no group."""
        return f"'group': is missing at {self._source.fields.group}"

    def whose(self, named: str | None) -> Whose | None:
        """Whose labels are that name a model, or none; None: they are passed over.

        Raises
        ------
        UnusableError
            It is not known, or nobody's.
        """
        place = self._source.fields.model
        name = self._source.model or named
        if name is None and len(self._labelled) == 1:
            name = next(iter(self._labelled))
        if name is None:
            message = f"'model': the label names none at {place} (neither does the source)"
            raise UnusableError(message)
        if name not in self._models and self._dead_letter:
            message = f"'model': not one of the configuration's models at {place}"
            raise UnusableError(message)
        return Whose(name, self._models[name], self._labelled[name]) if name in self._labelled else None

    def _fate(self, named: str | None, label: Any) -> _Fate:
        """Whose a label is, and what is wrong with it; nobody's and nothing wrong: it is passed over."""
        try:
            whose = self.whose(named)
        except UnusableError as error:
            return _Fate(None, str(error))
        if whose is None:
            return _Fate(None, None)
        plan = whose.prediction
        wrong = what_is_wrong(label, plan, self._source.fields.label, texts=self._are_texts)
        if wrong is not None:
            return _Fate(whose, wrong)
        return _Fate(whose, None, np.nan if plan is None else label_outcome(label, plan, texts=self._are_texts))


def what_is_wrong(label: Any, prediction: PredictionPlan | None, place: str, *, texts: bool) -> str | None:
    """Why a label is no outcome that the model's predictions can be compared with; None if it is one.

    >>> what_is_wrong("high", PredictionPlan(task="regression"), "/label", texts=False)
    "'label': expected a number, got a text at /label"
    """
    if label is None:
        return f"'label': is missing at {place}"
    regression = prediction is not None and prediction.task == "regression"
    if regression and isinstance(numeric(label, texts=texts), Gap):
        return f"'label': expected a number, got {article(label)} at {place}"
    if type(label) in (list, dict) or label is Gap.INVALID:
        return f"'label': expected a text, a number or a boolean, got an object or an array at {place}"
    if (
        prediction is not None
        and prediction.task == "ranking"
        and math.isnan(relevance(label, prediction, texts=texts))
    ):
        return f"'label': expected a number from 0 up, true or false, got {article(label)} at {place}"
    name = category(label)
    if isinstance(name, Gap):
        return f"'label': a number beyond the range of floats at {place}"
    if prediction is not None and prediction.classes is not None and name not in prediction.classes:
        return f"'label': not one of the model's classes at {place}"
    return None


class Whose(NamedTuple):
    """Whose a label is."""

    model: str
    prediction: PredictionPlan | None
    plan: LabelsPlan


class _Fate(NamedTuple):
    whose: Whose | None
    error: str | None
    outcome: float = float("nan")


def _encoded(identity: str | int) -> bytes:
    return identity.encode() if isinstance(identity, str) else b"%d" % identity


def _or_none(name: str | Gap) -> str | None:
    return None if isinstance(name, Gap) else name


class LabelReading:
    """A batch of labels that has been read; like `records.Reading`, but for the values of records.

    Attributes
    ----------
    hashes : uint64, shape (rows,)
        Of the ids; 0 where a label cannot be used or is passed over.
    by : uint64, shape (rows,)
        By which they are in a range of the join and in the sample: hashes of ids, of labels of rankings of groups.
    outcomes : float64, shape (rows,)
        The labels as numbers, see outcomes.py; NaN there too.
    """

    def __init__(
        self,
        values: list[_Values],
        hashes: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]],
        outcomes: npt.NDArray[np.float64],
        dead: dict[int, str],
        groups: dict[Identity, list[int]],
        ignored: list[int],
        records: Sequence[bytes | None] | pa.Table,
        payloads: dict[int, bytes],
    ) -> None:
        self.rows = len(values)
        self.hashes, self.by = hashes
        self.outcomes, self.dead, self.groups, self.ignored = outcomes, dead, groups, ignored
        self._values, self._records, self._payloads = values, records, payloads

    def plain_times(self) -> npt.NDArray[np.int64]:
        """None of them."""
        return np.full(self.rows, NO_TIME)

    def timestamps(self, rows: Sequence[int]) -> Sequence[object]:
        """What some of the labels say of their times."""
        return [self._values[row][1] for row in rows]

    def payload(self, row: int) -> bytes | None:
        """A label as it was written, or what its row holds."""
        if row in self._payloads or not isinstance(self._records, pa.Table):
            return self._payloads.get(row) or self._records[row]
        document: dict[str, Any] = self._records.slice(row, 1).to_pylist()[0]
        return msgspec.json.encode(document, enc_hook=str)
