"""Words of texts as hashes of 32 bits, and how long texts are; no word is ever kept.

A word is a run of letters, digits and marks of any script, in lower case; an ideograph or a kana is a word by itself,
since nothing stands between them. Two different words have the same hash once in 4.3 billion times.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from operators.jit import kernel, part
from operators.reading.columns import Column, names
from operators.reading.values import Gap

KNOWN_POINTS = 0x20000  # code points that the table has; of those beyond only ideographs and selectors are in words
ALONE = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))  # kana and ideographs
IDEOGRAPHS = (0x20000, 0x3FFFF)
SELECTORS = (0xE0100, 0xE01EF)  # of variants; marks
_SEED = np.uint64(0x7469_6465_6D61_726B)
_MULTIPLIER = np.uint64(0xC6A4_A793_5BD1_E995)
_HALF = np.uint64(32)

Hashes = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float64]


class Texts:
    """A column of texts, as bytes; a number or a boolean is its text.

    Attributes
    ----------
    data : uint8
        All texts, one behind the other, in UTF-8.
    places : int64, shape (texts, 2)
        Where each begins and ends.
    gaps : float64, shape (texts,)
        NaN for a missing text, infinity for what is none, else 0.
    """

    def __init__(self, column: Column) -> None:
        if isinstance(column, pa.Array) and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            large = column.cast(pa.large_string())  # which copies no text
            _, ends, data = large.buffers()
            ends = np.frombuffer(ends, np.int64)[large.offset : large.offset + len(large) + 1] if len(large) else [0]
            self.data = np.frombuffer(data, np.uint8) if data is not None and len(data) else np.zeros(1, np.uint8)
            self.gaps = np.where(column.is_null().to_numpy(zero_copy_only=False), np.nan, 0.0)
        else:
            read = names(column)
            texts = [b"" if isinstance(text, Gap) else text.encode("utf-8", "surrogatepass") for text in read]
            ends = np.cumsum([0, *map(len, texts)])
            self.data = np.frombuffer(b"".join(texts) or b"\0", np.uint8)
            of_gap = {Gap.MISSING: np.nan, Gap.INVALID: np.inf}
            self.gaps = np.array([of_gap[text] if isinstance(text, Gap) else 0.0 for text in read], np.float64)
        self.data.flags.writeable = False  # always: the kernels are compiled for one kind of array
        self.places = np.ascontiguousarray(np.column_stack([ends[:-1], ends[1:]]).astype(np.int64))
        self.places[self.gaps != 0] = 0


def lengths(texts: Texts) -> Floats:
    """Characters of each text, as code points; gaps stay gaps.

    >>> lengths(Texts(["Zürich", "", None, []]))
    array([ 6.,  0., nan, inf])
    """
    found = np.empty(len(texts.places))
    _lengths(texts.data, texts.places, found)
    return np.where(texts.gaps == 0, found, texts.gaps)


def word_hashes(texts: Texts) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Hashes of the words of texts, in order, and where those of each text end.

    >>> hashes, ends = word_hashes(Texts(["The cat, the mat", None, "Cat"]))
    >>> ends.tolist(), bool(hashes[0] == hashes[2]), bool(hashes[1] == hashes[4])
    ([4, 4, 5], True, True)
    """
    # A word has a byte at least, and but for those that stand alone, which have three, another byte behind it.
    hashes = np.empty(int((texts.places[:, 1] - texts.places[:, 0] + 1).sum()) // 2 + 1, np.uint32)
    ends = np.empty(len(texts.places), np.int64)
    count = _hashes(texts.data, texts.places, _forms(), hashes, ends)
    return hashes[:count], ends


class WordSet:
    """A set of words, by their hashes.

    Parameters
    ----------
    hashes : uint32
        Each once.

    Examples
    --------
    >>> known = WordSet(word_hashes(Texts(["the cat"]))[0])
    >>> known.coverage(Texts(["The dog", "The cat!", "...", None]))
    array([0.5, 1. , nan, nan])
    """

    def __init__(self, hashes: Hashes) -> None:
        # Half of the places at least stay empty, so that a search ends after two or three.
        self._places = np.zeros(1 << (2 * len(hashes) + 1).bit_length(), np.uint32)
        _fill(np.ascontiguousarray(hashes, np.uint32), self._places)

    def coverage(self, texts: Texts) -> Floats:
        """Share of each text's words that are in the set; a text without words has none, gaps stay gaps."""
        found = np.empty(len(texts.places))
        _coverage(texts.data, texts.places, _forms(), self._places, found)
        return np.where(texts.gaps == 0, found, texts.gaps)


@cache
def _forms() -> npt.NDArray[np.int32]:
    """What each code point is: 0 stands between words, else what it is in lower case, negative if a word by itself."""
    forms = np.zeros(KNOWN_POINTS, np.int32)
    for point in range(KNOWN_POINTS):
        character = chr(point)
        if unicodedata.category(character)[0] in "LNM":
            lower = character.lower()
            forms[point] = ord(lower) if len(lower) == 1 else point
    for first, last in ALONE:
        forms[first : last + 1] *= -1
    return forms


@kernel
def _lengths(data, places, found):  # type: ignore[no-untyped-def]
    for i in range(places.shape[0]):
        count = 0
        for p in range(places[i, 0], places[i, 1]):
            count += (data[p] & 0xC0) != 0x80
        found[i] = count


@part
def _point(data, p, end):  # type: ignore[no-untyped-def]
    """The code point at p, and how many bytes it has; of bytes that are no UTF-8 each is a blank."""
    first = np.int64(data[p])
    if first < 0x80:
        return first, 1
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first < 0xC0 or p + size > end:
        return np.int64(32), 1
    point = first & (0xFF >> (size + 1))
    for i in range(1, size):
        point = (point << 6) | (np.int64(data[p + i]) & 0x3F)
    return point, size


@part
def _form(point, forms):  # type: ignore[no-untyped-def]
    if point < forms.shape[0]:
        return np.int64(forms[point])
    if IDEOGRAPHS[0] <= point <= IDEOGRAPHS[1]:
        return -point
    return point if SELECTORS[0] <= point <= SELECTORS[1] else np.int64(0)


@part
def _word(data, p, end, forms):  # type: ignore[no-untyped-def]
    """The hash of the next word from p on, 0 if there is none, and where it ends."""
    form, size = np.int64(0), 1
    while p < end:
        point, size = _point(data, p, end)
        form = _form(point, forms)
        if form != 0:
            break
        p += size
    if p >= end:
        return np.uint32(0), p
    h = _SEED
    # Invariant: form is that of the code point at p, which has `size` bytes; all of the word before it are in h.
    while True:
        h = (h ^ np.uint64(abs(form))) * _MULTIPLIER
        p += size
        if form < 0 or p >= end:
            break
        point, size = _point(data, p, end)
        form = _form(point, forms)
        if form <= 0:
            break
    h ^= h >> _HALF
    found = np.uint32((h * _MULTIPLIER) >> _HALF)
    return (found if found else np.uint32(1)), p


@kernel
def _hashes(data, places, forms, hashes, ends):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(places.shape[0]):
        p, end = places[i, 0], places[i, 1]
        while True:
            found, p = _word(data, p, end, forms)
            if found == 0:
                break
            hashes[count] = found
            count += 1
        ends[i] = count
    return count


@kernel
def _fill(hashes, places):  # type: ignore[no-untyped-def]
    mask = places.shape[0] - 1
    for i in range(hashes.shape[0]):
        at = np.int64(hashes[i]) & mask
        while places[at] != 0:
            at = (at + 1) & mask
        places[at] = hashes[i]


@kernel
def _coverage(data, places, forms, known, found):  # type: ignore[no-untyped-def]
    mask = known.shape[0] - 1
    for i in range(places.shape[0]):
        p, end = places[i, 0], places[i, 1]
        words, covered = 0, 0
        while True:
            word, p = _word(data, p, end, forms)
            if word == 0:
                break
            words += 1
            at = np.int64(word) & mask
            while known[at] != 0 and known[at] != word:
                at = (at + 1) & mask
            covered += known[at] == word
        found[i] = covered / words if words else np.nan
