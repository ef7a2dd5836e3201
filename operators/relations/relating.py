"""Relating the features of a profile: their relations, and the errors of reconstruction as one more signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan
from operators.encoding.coding import NumericCoder
from operators.profiles.binning import numeric_signal
from operators.profiles.dependence import calibrate
from operators.profiles.value_counts import ValueCounts
from operators.relations.correlations import RelationColumns, unpack
from operators.relations.domain_sample import fit_sample
from operators.relations.fitting import fit
from operators.relations.reconstruction import RECONSTRUCTION, Reconstruction, fit_components
from schemas.profile import DomainSample, Multivariate, NumericSignal, Relations, Signal

FEATURE = "feature."
CELLS = 1_000_000  # distinct errors kept

Codes = npt.NDArray[np.uint8]
Series = Callable[[Mapping[str, Signal]], Iterator[tuple[str, Codes]]]


class Related(NamedTuple):
    """What a profile says of features together."""

    relations: Relations | msgspec.UnsetType = msgspec.UNSET
    multivariate: Multivariate | msgspec.UnsetType = msgspec.UNSET
    domain: DomainSample | msgspec.UnsetType = msgspec.UNSET
    signals: Mapping[str, Signal] = {}  # the errors of reconstruction, where there are any


def relate(model: ModelPlan, signals: Mapping[str, Signal], series: Series) -> Related:
    """Find out what a model watches.

    Parameters
    ----------
    model
    signals
        Of the profile by name.
    series
        Gives codes of the earliest records of signals, in the order of time.
    """
    wanted = model.multivariate is not msgspec.UNSET
    if not wanted and model.pairs is None:
        return Related()
    features = {name: signal for name, signal in signals.items() if name.startswith(FEATURE)}
    codes = dict(series(features))
    rows = np.ascontiguousarray(np.column_stack([codes[name] for name in features]))
    relations = fit(features, rows)
    if not wanted:
        return Related(relations)
    domain = msgspec.UNSET if model.classifier is msgspec.UNSET else fit_sample(features, relations, rows)
    names = list(features)
    columns = RelationColumns(
        [features[name] for name in relations.columns],
        [names.index(name) for name in relations.columns],
        list(relations.columns.values()),
    )
    if not columns.pairs:
        return Related(relations, Multivariate(components=b"", explained=0.0), domain)
    # Fitted to one half of the records and described by the other: errors of the former are too small.
    half = columns.crossed(columns.fold(columns.empty(), np.ascontiguousarray(rows[::2])))
    multivariate = fit_components(columns, half)
    errors = Reconstruction(columns, columns.crossed(unpack(relations.sums)), multivariate).errors(rows)
    signal = _signal(errors[1::2])
    coded = NumericCoder([signal]).codes(errors[:, None])[:, 0]
    calibration = calibrate(signal, coded)
    found = {RECONSTRUCTION: msgspec.structs.replace(signal, calibration=calibration)}
    return Related(relations, multivariate, domain, found)


def _signal(errors: npt.NDArray[np.float64]) -> NumericSignal:
    values = ValueCounts(CELLS)
    there = np.isfinite(errors)
    values.add(errors[there])
    return numeric_signal(values, len(errors) - int(there.sum()), 0)
