"""Ids of names: 64 bits that stand for a category before a profile gives it a code, the same wherever it occurs."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from operators.encoding.codes import CODES
from operators.reading.columns import Column, distinct
from operators.reading.values import Gap, boolean, category, disguised

LONGEST = 256  # characters of a name that count: they are told beside its id, and state must stay small
REMEMBERED = 100_000  # names; they come from the stream: an identifier must not fill the memory

Ids = npt.NDArray[np.uint64]


def name_id(name: str) -> int:
    """The id of a name: never below `CODES`, where the codes of missing and invalid values stand for themselves.

    >>> hex(name_id("diabetes")), disguised("diabetes")
    ('0x8673df823a2c62c3', '#8673df823a2c62c3')
    """
    number = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return number if number >= CODES else number + CODES


class NameIds(dict[object, int]):
    """Ids of the values of one signal of names, and what the ids stand for.

    Parameters
    ----------
    truth
        Only ``true`` and ``false`` are names.
    sensitive
        Names are told disguised.

    Examples
    --------
    >>> ids = NameIds()
    >>> found = ids.of(["gold", None, ["gold"], "gold"])
    >>> bool(found[0] == found[3] == name_id("gold")), found[1:3].tolist(), list(ids.texts.values())
    (True, [255, 254], ['gold'])
    """

    def __init__(self, *, truth: bool = False, sensitive: bool = False) -> None:
        super().__init__()
        self.texts: dict[int, str] = {}  # by id
        self._read = boolean if truth else category
        self._sensitive = sensitive

    def of(self, column: Column) -> Ids:
        """Id of each value of a column; missing and invalid ones have their code instead."""
        if not isinstance(column, list):
            known, positions = distinct(column)
            return self.of(known)[positions]
        if len(self.texts) > REMEMBERED:
            self.clear()
            self.texts.clear()
        return np.fromiter((self[v] if type(v) is str else self._id(v) for v in column), np.uint64, len(column))

    def __missing__(self, value: object) -> int:
        found = self[value] = self._id(value)  # texts only: True, 1 and 1.0 are one key and three names
        return found

    def _id(self, value: object) -> int:
        name = self._read(value)
        if isinstance(name, Gap):
            return name.code
        name = name[:LONGEST]
        number = name_id(name)
        if number not in self.texts:
            self.texts[number] = disguised(name) if self._sensitive else name
        return number

    def of_told(self, text: str) -> int:
        """Id of a name as a profile has it."""
        number = int(text[1:], 16) if self._sensitive else name_id(text)
        return number if number >= CODES else number + CODES
