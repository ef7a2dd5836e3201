"""Values of a model's signals in columns of records, as a profile counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import FeaturePlan, ModelPlan, SourcePlan
from operators.encoding.measures import Measures
from operators.estimation.proxies import PROXIES, proxies
from operators.reading.columns import Column, Columns, names, numbers
from operators.reading.values import Gap, confidence

FEATURE = "feature."
WATCHED = ("numeric", "categorical", "boolean")  # types of features that a profile describes
PREDICTION, CONFIDENCE = "prediction", "confidence"


class Values(msgspec.Struct, frozen=True):
    """Values of records by signal; one that their source does not carry is not there."""

    numbers: dict[str, npt.NDArray[np.float64]]  # NaN is missing, inf invalid
    names: Mapping[str, Sequence[str | Gap]]
    aside: Mapping[str, npt.NDArray[np.bool_]] = {}  # numbers that are not counted, see `measures.Measured`


def may_be_number(model: ModelPlan) -> bool:
    """Whether the model's predictions can be numbers; the data decide where classes are possible as well."""
    return model.prediction is None or model.prediction.task != "multiclass"


def may_be_class(model: ModelPlan) -> bool:
    """Whether the model's predictions can be classes."""
    return model.prediction is None or model.prediction.task not in ("regression", "ranking")


def watched(model: ModelPlan) -> list[FeaturePlan]:
    """Features that a profile describes."""
    return [feature for feature in model.features if feature.type in WATCHED]


def read_values(
    model: ModelPlan,
    columns: Columns,
    source: SourcePlan,
    measures: Measures,
    times_ms: npt.NDArray[np.int64] | None = None,
) -> Values:
    """Values of the signals in columns of records, as far as the source carries them."""
    texts, rows = source.format == "csv", len(columns.rows)
    nothing: Column = [None] * rows

    def carried(field: str) -> Column | None:
        return columns.features.get(field, nothing) if source.carries is None or field in source.carries else None

    found: dict[str, npt.NDArray[np.float64]] = {CONFIDENCE: confidences(columns, rows, texts)}
    named: dict[str, list[str | Gap]] = {}
    for feature in watched(model):
        column = None if feature.of is not None else carried(feature.name)
        if column is not None and feature.type == "numeric":
            found[FEATURE + feature.name] = numbers(column, texts=texts)
        elif column is not None:
            named[FEATURE + feature.name] = names(column, booleans=feature.type == "boolean")
    measured = measures.measured(carried, texts=texts, times_ms=times_ms)
    found |= {FEATURE + name: values for name, values in measured.numbers.items()}
    column = columns.fields.get(PREDICTION, nothing)
    if isinstance(model.proxies, tuple):
        given = columns.fields.get("probabilities")
        both = proxies(given, column, found[CONFIDENCE], model.prediction, texts=texts)
        found |= {name: np.ascontiguousarray(both[:, PROXIES.index(name)]) for name in model.proxies}
    if may_be_number(model):
        found[PREDICTION] = numbers(column, texts=texts)
    if may_be_class(model):
        named[PREDICTION] = names(column)
    return Values(found, named, {FEATURE + name: aside for name, aside in measured.aside.items()})


def segment_column(field: str, columns: Columns, rows: int) -> Column:
    """A segment's field: among the features, else beside them."""
    nothing: Column = [None] * rows
    among, beside = columns.features.get(field, nothing), columns.others.get(field, nothing)
    pairs = zip(_listed(among), _listed(beside), strict=True)
    return [one if one is not None else other for one, other in pairs]


def confidences(columns: Columns, rows: int, texts: bool) -> npt.NDArray[np.float64]:
    """Confidence of each record: its own, or the largest of its probabilities; NaN is missing, infinity invalid."""
    nothing: Column = [None] * rows
    own = columns.fields.get(CONFIDENCE, nothing)
    probabilities = _listed(columns.fields.get("probabilities", nothing))
    if all(one is None for one in probabilities):
        return numbers(own, texts=texts)
    pairs = zip(_listed(own), probabilities, strict=True)
    return numbers([_or_gap(confidence(one, other, texts=texts)) for one, other in pairs])


def _or_gap(value: float | Gap) -> float | str | None:
    """A number, None where it is missing, something that is no number where it is invalid."""
    return None if value is Gap.MISSING else "" if isinstance(value, Gap) else value


def _listed(column: Column) -> Sequence[object]:
    return column if isinstance(column, list) else column.to_pylist()
