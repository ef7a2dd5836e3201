"""Two versions of a model on the same records: how much better is the new one, and is that more than chance?

Shares of right predictions: McNemar's exact test (1947, doi:10.1007/BF02295996) on the records on which the two
differ, and the interval of Agresti and Min (2005, doi:10.1002/sim.1781), right for few and for many of them. Means of
losses: Student's paired test. Slices are judged together by Holm's rule (1979).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import stats

from schemas.cloudevents import significant

Floats = npt.NDArray[np.float64]
FEWEST = 2  # records of which a spread can be told


class Paired(msgspec.Struct, frozen=True):
    """What two versions come to on the same records."""

    what: str  # the measure
    slice: str  # ``all``, ``class=yes`` or ``country=DE``
    records: int
    old: float
    new: float
    gain: float  # by how much the new one is better; negative: worse
    low: float  # 95 % interval of the gain
    high: float
    p_value: float  # of no difference; of slices not yet corrected


def shares(old: npt.NDArray[np.bool_], new: npt.NDArray[np.bool_], what: str, where: str) -> Paired:
    """Compare shares of right predictions.

    Parameters
    ----------
    old, new
        Whether each version was right about each record; one length, at least 1.

    Examples
    --------
    >>> old = np.repeat([True, False], [80, 20])
    >>> new = np.repeat([True, False, True], [78, 7, 15])
    >>> found = shares(old, new, "accuracy", "all")
    >>> found.gain, found.low, found.high, found.p_value
    (0.13, 0.0497698327, 0.205132128, 0.00234985352)
    """
    count = len(old)
    better, worse = int((new & ~old).sum()), int((old & ~new).sum())
    # Half a record more in each of the four cells.
    total = count + 2
    middle = (better - worse) / total
    spread = float(np.sqrt(((better + worse + 1) - (better - worse) ** 2 / total) / total**2))
    half = float(stats.norm.ppf(0.975)) * spread
    p_value = float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
    return _paired(what, where, count, old.mean(), new.mean(), (better - worse) / count, middle, half, p_value)


def losses(old: Floats, new: Floats, what: str, where: str) -> Paired:
    """Compare means of losses, of which less is better.

    Parameters
    ----------
    old, new
        Each version's loss on each record; one length, at least `FEWEST`.

    Examples
    --------
    >>> found = losses(np.array([3.0, 2.0, 4.0, 3.0]), np.array([1.0, 2.0, 1.0, 2.0]), "mae", "all")
    >>> found.gain, found.low, found.high, found.p_value
    (1.5, -0.554260257, 3.55426026, 0.102728079)
    """
    gains = old - new
    middle = float(gains.mean())
    spread = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    half = float(stats.t.ppf(0.975, len(gains) - 1)) * spread
    p_value = 2 * float(stats.t.sf(abs(middle) / spread, len(gains) - 1)) if spread else float(middle == 0)
    return _paired(what, where, len(gains), old.mean(), new.mean(), middle, middle, half, p_value)


def _paired(
    what: str, where: str, count: int, old: float, new: float, gain: float, middle: float, half: float, p_value: float
) -> Paired:
    numbers = (float(old), float(new), gain, middle - half, middle + half, min(1.0, p_value))
    return Paired(what, where, count, *(significant(number) for number in numbers))


def worse_slices(found: Sequence[Paired], level: float = 0.05) -> list[Paired]:
    """Slices in which the new version is worse, with an error in any of them at most this often (Holm).

    Parameters
    ----------
    found
        Slices of one measure.
    level
        How often a slice may be blamed though none is worse.
    """
    blamed = []
    for rank, each in enumerate(sorted(found, key=lambda one: one.p_value)):
        if each.p_value > level / (len(found) - rank):
            break
        if each.gain < 0:
            blamed.append(each)
    return blamed
