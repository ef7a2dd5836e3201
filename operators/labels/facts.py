"""What the join tells of the labels of a pane: how many predictions came, and how long labels took, version by version.

Rows of three numbers (i64): end of the pane that predictions were made in (ms); the bin of the delays of labels, or
PREDICTIONS; how many of them. Delays are in bins of equal ratio, so that any span can be told from another. Labels
of which it is asked who gave them are told once more, in bins of their own: BINS further on for each who.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from operators.encoding.keys import LABELLED, performance_key
from operators.labels.join_chunks import Ints
from operators.labels.join_rows import Matches, owners_of, who_gave

PREDICTIONS = -1  # in the place of a bin
BINS = 96  # four an octave from a second to six months
# Upper ends in ms, whole numbers: the same on every processor.
EDGES: Ints = np.round(1_000 * 2.0 ** (np.arange(BINS - 1) / 4)).astype(np.int64)


def bins_of(delays_ms: Ints) -> npt.NDArray[np.int64]:
    """The bin of each delay; labels that came before their prediction took no time.

    >>> bins_of(np.array([-5, 0, 1_000, 1_001, 3_600_000])).tolist()
    [0, 0, 0, 1, 48]
    """
    return np.searchsorted(EDGES, delays_ms).astype(np.int64)


def facts(
    model: str, arrived: Mapping[int, int], matches: Sequence[Matches], texts: Sequence[str], end_ms: int, pane_ms: int
) -> Iterator[tuple[str, bytes]]:
    """Facts of a pane by key.

    Parameters
    ----------
    arrived
        Predictions that came in it, by the number of the text of their version and role.
    matches
        Predictions that got their first labels in it.
    """
    rows = [np.array([[owner, end_ms, PREDICTIONS, count] for owner, count in arrived.items()], np.int64)]
    for one in matches:
        owners = owners_of(one.predictions)
        ends = one.times_ms - one.times_ms % pane_ms + pane_ms
        delays = bins_of(one.labels_ms - one.times_ms)
        whose = who_gave(one.outcomes)
        asked = whose > 0
        where = np.append(delays, delays[asked] + BINS * whose[asked])
        all_rows = np.column_stack([np.append(owners, owners[asked]), np.append(ends, ends[asked]), where])
        found, counts = np.unique(all_rows, axis=0, return_counts=True)
        rows.append(np.column_stack([found, counts]))
    whole = np.concatenate([part.reshape(-1, 4) for part in rows])
    for owner in np.unique(whole[:, 0]).tolist():
        if owner < len(texts):
            key = performance_key(model, texts[owner], "all", LABELLED)
            yield key, whole[whole[:, 0] == owner, 1:].astype("<i8").tobytes()


def unpack(parts: Sequence[bytes]) -> Ints:
    """Rows of a pane; shape (rows, 3)."""
    return np.frombuffer(b"".join(parts), "<i8").reshape(-1, 3)
