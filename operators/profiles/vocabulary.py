"""Vocabularies: which words texts are expected to have, by their hashes; from a file, or from the reference itself."""

from __future__ import annotations

import fsspec
import numpy as np
import numpy.typing as npt

from operators.reading.words import Hashes, Texts, word_hashes
from schemas.errors import DataError
from schemas.profile import TextReference

MOST = 50_000  # words of a vocabulary from the reference: 200 KB of hashes; more hardly cover more of any language
FEWEST_RECORDS = 2  # that have a word: what is in one alone is a name or a slip more often than a word
COUNTED = 1_000_000  # different words counted at a time, 8 bytes each; natural language has fewer
_HASH_BITS = np.uint64(32)

Counts = npt.NDArray[np.int64]


class WordCounts:
    """In how many records each word is: exact up to `limit` different words, then the rarest ones are given up.

    Examples
    --------
    >>> counts = WordCounts()
    >>> counts.add(Texts(["a cat", "a cat, a dog"]))
    >>> sorted(counts.counts().tolist())
    [1, 2, 2]
    """

    def __init__(self, limit: int = COUNTED) -> None:
        self._limit = limit
        self._hashes: Hashes = np.empty(0, np.uint32)
        self._counts: Counts = np.empty(0, np.int64)
        self._new: list[Hashes] = []  # each word as often as it was counted, not merged yet
        self._waiting = 0

    def add(self, texts: Texts) -> None:
        """Count the words of texts, each once for a text."""
        hashes, ends = word_hashes(texts)
        of_text = np.repeat(np.arange(len(ends), dtype=np.uint64), np.diff(ends, prepend=0))
        once = np.unique((of_text << _HASH_BITS) | hashes).astype(np.uint32)
        self._new.append(once)
        self._waiting += len(once)
        if self._waiting > self._limit:
            self._merge()

    def hashes(self) -> Hashes:
        """The words, ascending."""
        self._merge()
        return self._hashes

    def counts(self) -> Counts:
        """Their counts, in the same order."""
        self._merge()
        return self._counts

    def _merge(self) -> None:
        if not self._waiting:
            return
        new, counts = np.unique(np.concatenate(self._new), return_counts=True)
        self._hashes, positions = np.unique(np.concatenate([self._hashes, new]), return_inverse=True)
        added = np.zeros(len(self._hashes), np.int64)
        np.add.at(added, positions, np.concatenate([self._counts, counts]))
        self._counts, self._new, self._waiting = added, [], 0
        if len(self._hashes) > self._limit:
            kept = self._counts >= _least(self._counts, self._limit // 2)
            self._hashes, self._counts = self._hashes[kept], self._counts[kept]

    def vocabulary(self, records: int = FEWEST_RECORDS, most: int = MOST) -> tuple[TextReference, Hashes]:
        """The words that enough records have, and those of them that one more has.

        A record of the reference must be measured as a later one will be, by the words of others: a word is known to
        it if it would be without it. So its words count against the second set, where a later one's count against
        the first; on average over references both shares are then the same.

        Parameters
        ----------
        records
            Fewest that a word of the vocabulary is in.
        most
            Words at most; there may be fewer, as all that are in equally many records are in or out.
        """
        self._merge()
        least = max(records, _least(self._counts, most))
        return _reference(self._hashes[self._counts >= least], least), self._hashes[self._counts > least]


def _least(counts: Counts, most: int) -> int:
    """The least count that no more than so many have or exceed."""
    if len(counts) <= most:
        return 0
    return int(np.partition(counts, len(counts) - most - 1)[len(counts) - most - 1]) + 1


def read_vocabulary(path: str) -> TextReference:
    """Read a vocabulary from a file: a word a line, of which what stands behind a tab does not count.

    Raises
    ------
    DataError
        The file cannot be read, or has no words.
    """
    shown = path.removeprefix("file://")
    try:
        with fsspec.open(path, "rb", compression="infer") as file:
            lines = file.read().decode("utf-8").splitlines()
    except OSError as error:
        message = f"vocabulary {shown}: cannot be read ({(error.strerror or type(error).__name__).lower()})"
        raise DataError(message) from error
    except UnicodeDecodeError as error:
        message = f"vocabulary {shown}: is not UTF-8; save it as such, a word a line"
        raise DataError(message) from error
    hashes = np.unique(word_hashes(Texts([line.partition("\t")[0] for line in lines]))[0])
    if not len(hashes):
        message = f"vocabulary {shown}: has no words (a word a line)"
        raise DataError(message)
    return _reference(hashes, None)


def _reference(hashes: Hashes, records: int | None) -> TextReference:
    return TextReference(words=hashes.astype("<u4").tobytes(), records=records)


def word_hashes_of(reference: TextReference) -> Hashes:
    """The words of a profile's vocabulary."""
    return np.frombuffer(reference.words, "<u4").astype(np.uint32)
