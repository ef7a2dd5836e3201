"""Guessing from data what its columns are: features of which type, or fields of the record."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, time
from itertools import pairwise
from statistics import median
from typing import Any, Literal

import msgspec
import pyarrow as pa

from config.measured import measured
from config.plan import FeaturePlan, PredictionPlan, SourcePlan
from operators.reading.columns import FIELDS, column_name, follow, steps
from operators.reading.values import Gap, category, event_time, numeric

NUMBERS = 0.95  # share of numbers from which on a column is numeric; the others will count as invalid
TIMES = 0.95
CLASSES = 20  # different whole numbers that are still classes
IDENTIFIER = 1_000  # different texts that are no longer categories
VECTOR = 8  # numbers from which on lists of one length are embeddings
LONGEST_VECTOR = 8_192
WORDS = 3  # of which such texts are no identifiers either
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b")  # also in an order that nobody can know, as 1/2/11
_YEAR_1990_MS, _YEAR_2100_MS = 631_152_000_000, 4_102_444_800_000

Columns = Mapping[str, Sequence[Any]]

# Usual names of fields, letters and digits only; the first column that has one and looks like it is taken.
NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "uuid", "recordid", "requestid", "predictionid", "transactionid", "eventid", "inferenceid"),
    "timestamp": ("timestamp", "time", "datetime", "eventtime", "ts", "date", "createdat", "occurredat"),
    "model": ("model", "modelname", "modelid"),
    "version": ("version", "modelversion"),
    "prediction": (
        "prediction",
        "predicted",
        "ypred",
        "pred",
        "yhat",
        "predictedlabel",
        "predictedclass",
        "predictions",
    ),
    "probabilities": ("probabilities", "classprobabilities", "probs"),
    "confidence": ("confidence", "probability", "ypredproba", "predproba", "proba", "predictionprobability"),
    "label": ("label", "target", "class", "ytrue", "y", "actual", "groundtruth", "outcome", "clftarget"),
}
POSITIVE = (
    "1",
    "true",
    "yes",
    "y",
    "positive",
    "pos",
    "up",
    "churn",
    "fraud",
    "default",
    "spam",
)  # without regard to case


class Guess(msgspec.Struct, frozen=True):
    """What a column is as a feature."""

    type: Literal["numeric", "categorical", "boolean", "text", "embedding"] | None  # None: it should not be one
    remark: str | None = None
    dim: int | None = None  # of an embedding


def guess_type(values: Sequence[Any], *, texts: bool) -> Guess:
    """Guess a feature's type from its values; `texts`: they are cells of a CSV.

    >>> guess_type([1, 2.5, None], texts=False).type, guess_type(["a", "b", "a"], texts=True).type
    ('numeric', 'categorical')
    """
    present = [value for value in values if value is not None]
    if not present:
        return Guess(None, "has no values")
    if texts and all(str(value).startswith("[") for value in present):
        present = list(map(_array, present))
    if any(isinstance(value, (list, dict)) for value in present):
        dim = len(present[0]) if isinstance(present[0], list) else 0
        if VECTOR <= dim <= LONGEST_VECTOR and all(_is_vector(value, dim) for value in present):
            return Guess("embedding", dim=dim)
        return Guess(None, "holds lists or objects")
    if all(value is True or value is False or str(value).lower() in ("true", "false") for value in present):
        return Guess("boolean")
    read = [numeric(value, texts=texts) for value in present]
    known = [number for number in read if not isinstance(number, Gap)]
    numbers = len(known) + sum(_is_not_finite(value) for value in present)
    if known and numbers >= NUMBERS * len(present):
        rises = all(a < b for a, b in pairwise(known))
        if rises and len(known) >= 50 and all(number.is_integer() for number in known):
            return Guess(None, "rises with every record")
        return Guess("numeric")
    if all(isinstance(category(value), Gap) for value in present if not isinstance(value, (date, time))):
        of = (
            "times" if isinstance(present[0], (date, time)) else f"values of another kind ({type(present[0]).__name__})"
        )
        return Guess(None, f"holds {of}")
    if _are_times(present, texts=texts) or all(DATE.match(str(value)) for value in present):
        return Guess(None, "holds times")
    different = len({category(value) for value in present})
    if different > IDENTIFIER or (different > 50 and different > len(present) / 2):
        if median(len(str(value).split()) for value in present) >= WORDS:
            return Guess("text")
        some = f", {len(known) / len(present):.0%} of them numbers" if known and texts else ""
        return Guess(None, f"has {different:,} different texts in {len(present):,} records{some}")
    return Guess("categorical")


def _is_not_finite(value: Any) -> bool:
    """NaN or an infinity, also as the text of a cell: a number that will count as invalid."""
    if isinstance(value, str):
        return value.strip().lower().lstrip("+-") in ("nan", "inf", "infinity")
    return isinstance(value, float) and not math.isfinite(value)


def _array(cell: Any) -> Any:
    """What a cell holds as JSON."""
    try:
        return msgspec.json.decode(str(cell).encode())
    except msgspec.DecodeError:
        return []


def _is_vector(value: Any, dim: int) -> bool:
    return isinstance(value, list) and len(value) == dim and all(isinstance(numeric(each), float) for each in value)


def _are_times(present: Sequence[Any], *, texts: bool) -> bool:
    times = [event_time(value, texts=texts) for value in present]
    good = sum(not isinstance(time, Gap) and _YEAR_1990_MS <= time < _YEAR_2100_MS for time in times)
    return good >= TIMES * len(present) > 0


def guess_fields(columns: Columns, *, texts: bool) -> dict[str, str]:
    """Find the columns that are fields of the record by their names and values; field -> column."""
    found: dict[str, str] = {}
    for field, usual in NAMES.items():
        by_name = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(list(columns))}
        for word in usual:
            name = by_name.get(word)
            if name is not None and name not in found.values() and _fits(field, columns[name], texts=texts):
                found[field] = name
                break
    return found


def _fits(field: str, values: Sequence[Any], *, texts: bool) -> bool:
    present = [value for value in values if value is not None]
    nested = any(isinstance(value, (list, dict)) for value in present)
    if field == "probabilities":
        return nested
    if nested or not present:
        return False
    if field == "timestamp":
        return _are_times(present, texts=texts)
    if field == "confidence":
        read = [numeric(value, texts=texts) for value in present]
        return all(not isinstance(number, Gap) and 0 <= number <= 1 for number in read)
    if field == "id":
        return len({category(value) for value in present}) == len(present)
    return True


def guess_prediction(values: Sequence[Any], *, texts: bool) -> PredictionPlan | None:
    """Guess the task from predictions; None where there are none.

    >>> guess_prediction(["yes", "no", "no"], texts=False)
    PredictionPlan(task='binary', positive='yes', threshold=0.5, classes=None)
    """
    present = [value for value in values if value is not None]
    if not present:
        return None
    read = [numeric(value, texts=texts) for value in present]
    numbers = [number for number in read if not isinstance(number, Gap)]
    names = Counter(name for name in map(category, present) if isinstance(name, str))
    if len(numbers) == len(present):
        whole = all(number.is_integer() for number in numbers)
        if not whole and min(numbers) >= 0 and max(numbers) <= 1:
            return PredictionPlan(task="binary")
        if not whole or len(names) > CLASSES:
            return PredictionPlan(task="regression")
    if len(names) > 2:
        return PredictionPlan(task="multiclass")
    usual = [name for name in names if name.lower() in POSITIVE]
    return PredictionPlan(task="binary", positive=usual[0] if usual else min(names, key=lambda n: (names[n], n)))


def features_of(records: Sequence[bytes] | pa.Table, source: SourcePlan) -> dict[str, list[Any]]:
    """Columns that may be features: members of the records' ``features``, or columns that are no field."""
    if isinstance(records, pa.Table):
        fields = {column_name(getattr(source.fields, name)) for name in FIELDS}
        return {name: records.column(name).to_pylist() for name in records.column_names if name not in fields}
    place = steps(source.fields.features)
    top = {getattr(source.fields, name).removeprefix("/") for name in FIELDS} if not place else set()
    holders = [follow(record, place) for record in documents(records)]
    return {name: values for name, values in by_member(holders).items() if name not in top}


def documents(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """Decode those lines that are JSON objects."""
    decode = msgspec.json.Decoder().decode
    read = []
    for line in lines:
        try:
            record = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(record, dict):
            read.append(record)
    return read


def by_member(records: Sequence[Any]) -> dict[str, list[Any]]:
    """Turn objects into columns, members in the order in which they were first seen."""
    names = dict.fromkeys(name for record in records if isinstance(record, dict) for name in record)
    return {name: [r.get(name) if isinstance(r, dict) else None for r in records] for name in names}


def infer_features(
    records: Sequence[bytes] | pa.Table, source: SourcePlan, exclude: Sequence[str] = ()
) -> tuple[FeaturePlan, ...]:
    """Take for features what looks like some.

    Booleans are taken as categories: without a configuration that says so, a reader of the profile cannot know
    that ``True`` and ``true`` are the same.
    """
    texts = source.format == "csv"
    features: list[FeaturePlan] = []
    for name, values in features_of(records, source).items():
        guess = guess_type(values, texts=texts)
        kind = "categorical" if guess.type == "boolean" else guess.type
        if kind is not None and name not in exclude:
            features += measured(FeaturePlan(name=name, type=kind, dim=guess.dim))
    return tuple(features)
