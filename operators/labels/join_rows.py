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
COLUMNS = 6  # numbers of a match
PLACED = 2**63  # no time, in the place of a label's: matches that have places follow
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

    Those of the whole traffic whose predictions have places come with these, see `_with_places`. What one call gives
    for a key may be put right behind what another gave.
    """
    if not len(matches.hashes):
        return
    rows = np.empty((len(matches.hashes), COLUMNS), "<u8")
    rows[:, 0], rows[:, 1] = matches.labels_ms.astype("<u8"), matches.hashes
    rows[:, 2] = matches.times_ms.astype("<u8")
    rows[:, 3:5] = np.ascontiguousarray(matches.predictions[:, :16]).view("<u8")
    rows[:, 5] = outcome_bits(matches.outcomes)
    end_of_texts = _end_of_texts(matches.predictions)
    numbers = np.ascontiguousarray(matches.predictions[:, 16:end_of_texts]).view("<u2").astype(np.int64)
    places = None
    if end_of_texts < matches.predictions.shape[1]:
        packed = np.zeros((len(rows), 8), np.uint8)
        packed[:, :PLACES] = matches.predictions[:, end_of_texts:]
        places = packed.view("<u8")[:, 0]
    whose = numbers[:, 0] << 16
    for column in range(numbers.shape[1]):
        groups = whose | numbers[:, column]
        order, ends, _ = cut(groups, len(groups))
        start = 0
        for end in ends.tolist():
            owner, segment = divmod(int(groups[order[start]]), 1 << 16)
            if NO_TEXT not in (owner, segment):
                text = ALL if not column else texts[segment]
                those = order[start:end]
                data = rows[those] if column or places is None else _with_places(rows[those], places[those])
                yield performance_key(model, texts[owner], text), data.tobytes()
            start = end


def _with_places(rows: Hashes, places: Hashes) -> Hashes:
    """A row that says how many follow, these, and their places, six in a row."""
    many = len(rows)
    found = np.zeros((1 + many - (-many // COLUMNS), COLUMNS), "<u8")
    found[0, :2] = PLACED, many
    found[1 : 1 + many] = rows
    found[1 + many :].reshape(-1)[:many] = places
    return found


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
    rows, places = _apart(np.frombuffer(b"".join(parts), "<u8").reshape(-1, COLUMNS))
    keys = rows if places is None else np.column_stack([rows, places])
    order = np.lexsort(keys.T[::-1])
    rows, places = rows[order], None if places is None else places[order]
    values = np.ascontiguousarray(rows[:, 3:6]).view(np.float64)
    return Labelled(rows[:, 2].astype(np.int64), rows[:, 0].astype(np.int64), values, places)


def _apart(rows: Hashes) -> tuple[Hashes, Hashes | None]:
    """Matches, and their places; None if none of them has any."""
    heads = np.flatnonzero(rows[:, 0] == PLACED).tolist()
    if not heads:
        return rows, None
    found, places, at = [], [], 0
    for head in heads:
        end = head + 1 + int(rows[head, 1])
        found += [rows[at:head], rows[head + 1 : end]]
        places.append(np.zeros(head - at, np.uint64))
        at = end - (-(end - head - 1) // COLUMNS)
        places.append(rows[end:at].reshape(-1)[: end - head - 1])
    places.append(np.zeros(len(rows) - at, np.uint64))
    return np.concatenate([*found, rows[at:]]), np.concatenate(places)
