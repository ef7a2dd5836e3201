"""Words of a text as one would find them by hand: character by character, without hashes."""

from __future__ import annotations

import unicodedata


def words(text: str) -> list[str]:
    """Runs of letters, digits and marks in lower case; kana and ideographs one by one."""
    found: list[str] = []
    run = ""
    for character in text:
        if unicodedata.category(character)[0] not in "LNM":
            found.append(run)
            run = ""
        elif _alone(ord(character)):
            found += [run, character]
            run = ""
        else:
            lower = character.lower()
            run += lower if len(lower) == 1 else character
    return [word for word in [*found, run] if word]


def _alone(point: int) -> bool:
    spans = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
    return any(first <= point <= last for first, last in spans)
