"""Record sample: some of the reference's records as codes, with which slices of the stream are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan
from schemas.profile import NumericSignal, RecordSample, Signal

FEATURE = "feature."
RECORDS = 8_192  # a slice of 100 records is one in 80; more: a larger profile, and more state (see drawn.py)
BYTES = 1 << 19  # of more than 64 signals fewer records

Codes = npt.NDArray[np.uint8]


def records_drawn(signals: int) -> int:
    """Records of the sample, of so many signals.

    >>> records_drawn(22), records_drawn(128)
    (8192, 4096)
    """
    return min(RECORDS, BYTES // max(signals, 1))


def record_sample(
    model: ModelPlan,
    signals: Mapping[str, Signal],
    series: Callable[[Mapping[str, Signal]], Iterator[tuple[str, Codes]]],
) -> RecordSample | msgspec.UnsetType:
    """Take the sample, evenly from the earliest records; unset where no slices are searched.

    Parameters
    ----------
    model, signals
        Of the profile. Sensitive numbers are left out: a record would tell in which bin somebody's is.
    series
        Gives codes of the earliest records of signals, in the order of time.
    """
    if not isinstance(model.slices, tuple):
        return msgspec.UNSET
    secret = {FEATURE + feature.name for feature in model.features if feature.sensitive}
    told = {n: one for n, one in signals.items() if n not in secret or not isinstance(one, NumericSignal)}
    codes = dict(series(told))
    records = len(next(iter(codes.values()), ()))
    many = min(records, records_drawn(len(codes)))
    taken = np.arange(many) * records // max(many, 1)
    drawn = [column[taken] for column in codes.values()]
    return RecordSample(
        signals=tuple(codes),
        codes=np.column_stack(drawn).tobytes() if drawn else b"",
        share=float(f"{many / max(records, 1):.6g}"),
    )
