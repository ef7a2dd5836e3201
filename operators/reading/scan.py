"""A scanner of JSON records: from bytes to numbers and places of texts, in one pass and without an object.

It reads strictly the common form and leaves every other record to msgspec: texts with escapes or beyond ASCII, blanks
elsewhere than after ``:`` and ``,`` and at the end, a key twice, nested values that nobody asked for, numbers of more
than 19 digits. What it takes, it reads as msgspec does.
"""

from __future__ import annotations

import numpy as np

from operators.jit import kernel, part
from operators.reading.scan_values import CLASSES, NOTHING, closing, largest, scalar, word

# What becomes of a key's value: it is only looked at, is a number or a token, has members to read, or numbers of which
# the largest counts.
SKIP, NUMBER, TOKEN, FEATURES, CHANCES = range(5)

MEMBERS = 512  # of a record, whose keys are expected in the order of the record before
_QUOTE, _COMMA, _COLON, _BLANK, _OPEN, _CLOSE, _LINE, _RETURN = b'",: {}\n\r'


@kernel
def scan(data, starts, words, masks, keys, numbers, tokens, values, forms, taken):  # type: ignore[no-untyped-def]
    """Scan records.

    Parameters
    ----------
    data : uint8, shape (bytes + 16,)
        The records, one after the other.
    starts : int64, shape (records + 1,)
        Where each begins, and where the last one ends.
    words, masks : uint64, shape (keys, most)
        Of each key its text with quotes and colon, eight bytes a word, and which bits of a word count.
    keys : int64, shape (keys, 6)
        Words and bytes of a key; 0 beside the features and 1 among them; what becomes of its value; the sum of the
        forms that it may have; its column in `numbers` or among the tokens.
    numbers : float64, shape (records, columns)
        Filled with numbers, NaN for what is not there; the last column is the confidence.
    tokens : int64, shape (records, columns, 2)
        Filled with the places of tokens.
    values : float64, shape (records, columns)
        Filled with the values of tokens that are numbers.
    forms : uint8, shape (records, columns)
        Filled with the tokens' forms; NOTHING for what is not there.
    taken : bool, shape (records,)
        Whether a record was read; of others nothing is known.
    """
    expected = np.full(MEMBERS, -1, np.int64)
    seen = np.full(keys.shape[0], -1, np.int64)
    begins, stops = np.empty(CLASSES, np.int64), np.empty(CLASSES, np.int64)
    for i in range(starts.shape[0] - 1):
        taken[i] = False
        numbers[i] = np.nan
        forms[i] = NOTHING
        p, end = starts[i], starts[i + 1]
        while end > p and (data[end - 1] == _LINE or data[end - 1] == _RETURN or data[end - 1] == _BLANK):
            end -= 1
        if data[p] != _OPEN:
            continue
        p = _past_blanks(data, p + 1)
        at_key = data[p] != _CLOSE  # an object may be empty
        level, member, chance = 0, 0, np.nan
        # Invariant: p is at a key, or behind a value or at the end of an empty object.
        while p < end:
            if at_key:
                key = expected[member] if member < MEMBERS else -1
                if key >= 0 and keys[key, 2] == level and _is_at(data, p, words, masks, keys[key, 0], key):
                    p += keys[key, 1]
                else:
                    stop = closing(data, p + 1, end) if data[p] == _QUOTE else -1
                    if stop < 0 or data[stop + 1] != _COLON:
                        break
                    key = _found(data, p, stop + 2 - p, level, words, masks, keys)
                    p = stop + 2
                    if member < MEMBERS:
                        expected[member] = key
                member += 1
                use = keys[key, 3] if key >= 0 else SKIP
                if key >= 0:
                    if seen[key] == i:
                        break
                    seen[key] = i
                p = _past_blanks(data, p)
                if use == FEATURES:
                    if data[p] != _OPEN:
                        break
                    p = _past_blanks(data, p + 1)
                    at_key = data[p] != _CLOSE
                    level = 1
                    continue
                if use == CHANCES and data[p] == _OPEN:
                    p, chance = largest(data, p + 1, end, begins, stops)
                    if p < 0:
                        break
                else:
                    p, form, first, after, value = scalar(data, p, end)
                    if p < 0 or (key >= 0 and form & keys[key, 4] == 0):
                        break
                    if use == NUMBER:
                        numbers[i, keys[key, 5]] = value
                    elif use == TOKEN:
                        column = keys[key, 5]
                        forms[i, column] = form
                        tokens[i, column, 0] = first
                        tokens[i, column, 1] = after
                        values[i, column] = value
                at_key = False
            p = _past_blanks(data, p)
            if data[p] == _COMMA:
                p = _past_blanks(data, p + 1)
                at_key = True
            elif data[p] != _CLOSE:
                break
            elif level == 1:
                p += 1
                level = 0
            else:
                taken[i] = p + 1 == end
                break
        if np.isnan(numbers[i, -1]):
            numbers[i, -1] = chance


@part
def _past_blanks(data, p):  # type: ignore[no-untyped-def]
    while data[p] == _BLANK:
        p += 1
    return p


@part
def _is_at(data, p, words, masks, pieces, key):  # type: ignore[no-untyped-def]
    for piece in range(pieces):
        if word(data, p + 8 * piece) & masks[key, piece] != words[key, piece]:
            return False
    return True


@part
def _found(data, p, length, level, words, masks, keys):  # type: ignore[no-untyped-def]
    """The key at p, which has so many bytes with quotes and colon; -1 if it is none of them."""
    for key in range(keys.shape[0]):
        if keys[key, 1] == length and keys[key, 2] == level and _is_at(data, p, words, masks, keys[key, 0], key):
            return key
    return -1
