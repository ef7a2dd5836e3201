"""What a YAML file comes to before it means anything: mappings, lists and texts that know where they stand.

Every scalar stays the text that is in the file, so ``positive: yes``, ``[NO, DE]`` and ``version: 1.10`` mean what
they say; what kind of value a text is, only the place that expects one can tell.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

SHOWN = 60  # characters of a value that a message quotes: enough to recognise it, and the line stays readable


class Mark(NamedTuple):
    """A place in a file; lines and columns are counted from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Text(str):
    """A scalar.

    Attributes
    ----------
    mark : Mark
        Where it stands.
    source : str
        What the file says, before ``${...}`` was replaced; messages show this, never what was put in.
    plain : bool
        Written without quotes.
    filled : tuple of str
        What was put in, one for each ``${...}`` in the order of `source`.
    """

    mark: Mark
    source: str
    plain: bool
    filled: tuple[str, ...]

    def __new__(
        cls,
        value: str,
        mark: Mark,
        *,
        source: str | None = None,
        plain: bool = True,
        filled: tuple[str, ...] = (),
    ) -> Text:
        """Make a text; `source` is the value itself unless something was put in."""
        text = super().__new__(cls, value)
        text.mark, text.source, text.plain, text.filled = mark, value if source is None else source, plain, filled
        return text

    def __repr__(self) -> str:
        return repr(self.source)


class Mapping(dict[str, Any]):
    """A mapping that knows where each key stands (`marks`); the values know it themselves, but for null."""

    marks: dict[str, Mark]

    def __init__(self) -> None:
        super().__init__()
        self.marks = {}

    def put(self, key: str, value: Any, mark: Mark) -> None:
        """Set a key that stands at `mark`."""
        self[key] = value
        self.marks[key] = mark


class Sequence(list[Any]):
    """A list; `marks` has the place of each item."""

    marks: list[Mark]

    def __init__(self) -> None:
        super().__init__()
        self.marks = []

    def put(self, value: Any, mark: Mark) -> None:
        """Append an item that stands at `mark`."""
        self.append(value)
        self.marks.append(mark)


def quote(value: str) -> str:
    """Show a text in a message, as the file has it.

    >>> quote("1 per fortnight")
    "'1 per fortnight'"
    """
    text = value.source if isinstance(value, Text) else value
    return f"'{text if len(text) <= SHOWN else text[: SHOWN - 3] + '...'}'"


def shape(value: object) -> str:
    """Say what kind of thing a value is.

    >>> shape([1, 2])
    'a list'
    """
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else quote(str(value) if not isinstance(value, Text) else value)


def native(value: Any) -> Any:
    """Return free-form content (``info``, options) as JSON types: an unquoted number or truth value becomes one.

    Only where nothing is lost: ``1`` and ``0.5`` become numbers, ``1.10``, ``007`` and ``yes`` stay texts.

    >>> native(Text("1.10", Mark("a.yaml", 1, 1))), native(Text("2", Mark("a.yaml", 1, 1)))
    ('1.10', 2)
    """
    if isinstance(value, dict):
        return {key: native(item) for key, item in value.items()}
    if isinstance(value, list):
        return [native(item) for item in value]
    if not isinstance(value, Text) or not value.plain:
        return str(value) if isinstance(value, str) else value
    if value in ("true", "false"):
        return value == "true"
    for number in (int, float):
        try:
            if str(number(value)) == value and math.isfinite(number(value)):
                return number(value)
        except (ValueError, OverflowError):
            continue
    return str(value)
