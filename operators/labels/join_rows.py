"""What the join keeps of a prediction for its label, and what it gives out when there is one.

::

    prediction   predicted f64, probability (of two classes, see outcomes.py; else the score of its estimate, see
                 prediction_scores.py and loss_trees.py) f64; then u16 numbers of texts: ``VERSION|ROLE`` as in
                 keys, and the segment that it is in, for each way of slicing; of models whose slices are searched
                 the low 7 bytes of its places, see metrics/slice_cells.py, which make the number of bytes odd
    label        outcome f64; of models with `labels.by` one byte more: 1 and the number of who gave it, 0 somebody else

Numbers are those of a chunk's texts on the way to the join, and of the key's texts in its state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ALL
from operators.encoding.cutting import cut
from operators.encoding.keys import performance_key
from operators.labels.join_chunks import Bytes, Hashes, Ints, Part, Rows

FEWEST = 18  # bytes of a prediction without segments
PLACES = 7  # bytes of the places of a prediction's values
OUTCOME = 8  # bytes of a label's
NO_TEXT = 65_535  # of segments beyond so many, which are told in the whole traffic alone

Floats = npt.NDArray[np.float64]


class Matches(msgspec.Struct, frozen=True):
    """Predictions and their labels."""

    hashes: Hashes
    times_ms: Ints  # of the predictions
    labels_ms: Ints  # times of the labels
    predictions: Bytes  # (matches, width)
    outcomes: Bytes  # (matches, 8 or 9)


class Labelled(msgspec.Struct, frozen=True):
    """Predictions of one key and their labels, in an order that does not depend on how they came."""

    times_ms: Ints  # of the predictions
    labels_ms: Ints  # times of the labels
    values: Floats  # (matches, 3): predicted, probability or score, outcome
    places: Hashes | None = None  # (matches,): see metrics/slice_cells.py, 0 where there are none; None: of nobody


def prediction_data(outcomes: Floats, numbers: Sequence[Ints], places: Hashes | None = None) -> Bytes:
    """Data of predictions from their outcomes and from their texts' numbers, column by column."""
    texts = np.ascontiguousarray(np.column_stack(numbers), "<u2")
    packed = np.ascontiguousarray(outcomes, "<f8").view(np.uint8)
    if places is None:
        return np.hstack([packed, texts.view(np.uint8)])
    return np.hstack([packed, texts.view(np.uint8), places.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :PLACES]])


def label_data(outcomes: Floats, by: int | None = None) -> Bytes:
    """Data of labels; ``by`` is who gave them, where that is asked."""
    data = outcomes.astype("<f8").view(np.uint8).reshape(-1, OUTCOME)
    return data if by is None else np.hstack([data, np.full((len(data), 1), by, np.uint8)])


def outcome_bits(labels: Bytes) -> Hashes:
    """Bits of the outcomes of labels."""
    return np.ascontiguousarray(labels[:, :OUTCOME]).view("<u8")[:, 0]


def who_gave(labels: Bytes) -> Ints:
    """Who gave labels; 0 where that is not asked."""
    return labels[:, OUTCOME].astype(np.int64) if labels.shape[1] > OUTCOME else np.zeros(len(labels), np.int64)


def renumbered(part: Part, known: dict[str, int]) -> Rows:
    """Predictions whose data point to texts by the numbers in ``known``, which gets those that it lacks."""
    data = part.rows.data
    if not data.shape[1]:
        return part.rows
    for text in part.texts:
        if text not in known and len(known) < NO_TEXT:
            known[text] = len(known)
    numbers_of = [known.get(text, NO_TEXT) for text in part.texts]
    if numbers_of == list(range(len(numbers_of))):
        return part.rows
    new = np.array(numbers_of, "<u2")
    end = _end_of_texts(data)
    numbers = new[np.ascontiguousarray(data[:, 16:end]).view("<u2")]
    packed = np.hstack([data[:, :16], np.ascontiguousarray(numbers).view(np.uint8), data[:, end:]])
    return Rows(part.rows.hashes, part.rows.times_ms, packed)


def _end_of_texts(data: Bytes) -> int:
    """Where the numbers of texts end in the data of predictions."""
    width: int = data.shape[1]
    return width - PLACES * (width % 2)


def owners_of(predictions: Bytes) -> Ints:
    """Numbers of the texts of their versions and roles."""
    return np.ascontiguousarray(predictions[:, 16:FEWEST]).view("<u2")[:, 0].astype(np.int64)


def by_key(model: str, matches: Matches, texts: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Cut matches by whose predictions they are: key, and per match six numbers of 8 bytes, see `unpack`.

    Of predictions with places those of the whole traffic have seven numbers, and one byte more at the end says so.
    """
    if not len(matches.hashes):
        return
    rows = np.empty((len(matches.hashes), 6), "<u8")
    rows[:, 0], rows[:, 1] = matches.labels_ms.astype("<u8"), matches.hashes
    rows[:, 2] = matches.times_ms.astype("<u8")
    rows[:, 3:5] = np.ascontiguousarray(matches.predictions[:, :16]).view("<u8")
    rows[:, 5] = outcome_bits(matches.outcomes)
    end_of_texts = _end_of_texts(matches.predictions)
    numbers = np.ascontiguousarray(matches.predictions[:, 16:end_of_texts]).view("<u2").astype(np.int64)
    whole, mark = rows, b""
    if end_of_texts < matches.predictions.shape[1]:
        places = np.zeros((len(rows), 8), np.uint8)
        places[:, :PLACES] = matches.predictions[:, end_of_texts:]
        whole, mark = np.column_stack([rows, places.view("<u8")]), b"\0"
    whose = numbers[:, 0] << 16
    for column in range(numbers.shape[1]):
        groups = whose | numbers[:, column]
        order, ends, _ = cut(groups, len(groups))
        start = 0
        for end in ends.tolist():
            owner, segment = divmod(int(groups[order[start]]), 1 << 16)
            if NO_TEXT not in (owner, segment):
                text = ALL if not column else texts[segment]
                packed = rows[order[start:end]].tobytes() if column else whole[order[start:end]].tobytes() + mark
                yield performance_key(model, texts[owner], text), packed
            start = end


def by_pane(model: str, matches: Matches, texts: Sequence[str], pane_ms: int) -> Iterator[tuple[int, str, bytes, int]]:
    """Cut matches that came together by pane and key: which is first in the pane, key, what `matched` gives, end."""
    ends_ms = matches.labels_ms - matches.labels_ms % pane_ms + pane_ms
    for end_ms in np.unique(ends_ms).tolist():
        rows = np.flatnonzero(ends_ms == end_ms)
        part = Matches(*(column[rows] for column in msgspec.structs.astuple(matches)))
        for key, data in by_key(model, part, texts):
            yield int(rows[0]), key, matched(end_ms, data), end_ms


def matched(pane_ms: int, matches: bytes) -> bytes:
    """Matches with the end of their pane, for the way to the performance."""
    return pane_ms.to_bytes(8, "little") + matches


def pane_of(data: bytes) -> tuple[int, bytes]:
    """The pane and the matches that `matched` put together.

    >>> pane_of(matched(10_000, b"..."))
    (10000, b'...')
    """
    return int.from_bytes(data[:8], "little"), data[8:]


def unpack(parts: Sequence[bytes]) -> Labelled:
    """Matches of a pane, in the order of the labels' times."""
    rows = np.frombuffer(b"".join(part for part in parts if not len(part) % 8), "<u8").reshape(-1, 6)
    placed = [part[:-1] for part in parts if len(part) % 8]
    if placed:
        wide = np.frombuffer(b"".join(placed), "<u8").reshape(-1, 7)
        rows = np.concatenate([np.column_stack([rows, np.zeros(len(rows), np.uint64)]), wide])
    rows = rows[np.lexsort(rows.T[::-1])]
    values = np.ascontiguousarray(rows[:, 3:6]).view(np.float64)
    times_ms, labels_ms = rows[:, 2].astype(np.int64), rows[:, 0].astype(np.int64)
    return Labelled(times_ms, labels_ms, values, rows[:, 6] if placed else None)
