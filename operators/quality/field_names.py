"""Field names: what records have, whether it is looked for or not: keys of JSON, as pointers, or columns.

Keys are those at the top level of a record, and those of the object that has its features.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from config.plan import SourcePlan
from operators.encoding.letters import UnusableError
from operators.reading.columns import follow, steps
from operators.reading.raw_lines import usable

LONGEST = 60  # characters of a name; of longer ones the first 59 and an ellipsis: keys may be data
MOST = 512  # names of a record; of more the first by name
SHAPES = 1_000  # of records that are remembered; records of a stream mostly have one
TABLES = ("csv", "parquet")

_decode = msgspec.json.Decoder().decode


class FieldNames:
    """Tells the names of the fields of a source's records.

    Examples
    --------
    >>> names = FieldNames(SourcePlan(name="predictions", kind="predictions", topic="predictions"))
    >>> names.of(b'{"id": 1, "features": {"age": 41, "a/b": 2}}')
    ('/features', '/features/age', '/features/a~1b', '/id')
    """

    def __init__(self, source: SourcePlan) -> None:
        self._path = steps(source.fields.features)
        self.prefix = "".join(map(_step, self._path))  # of the names of features
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {}

    def feature(self, name: str) -> str:
        """Name of the field of a feature."""
        return shown(self.prefix + _step(name))

    def of(self, line: bytes | None) -> tuple[str, ...] | None:
        """Names of a record's fields, ascending; None of a line that is no object."""
        try:
            top = _decode(usable(line))
        except (msgspec.DecodeError, UnusableError):
            return None
        if type(top) is not dict:
            return None
        holder = follow(top, self._path)
        among = holder if self._path and type(holder) is dict else ()
        shape = tuple(top), tuple(among)
        found = self._known.get(shape)
        if found is None:
            if len(self._known) >= SHAPES:
                self._known.clear()
            features = (shown(self.prefix + _step(key)) for key in shape[1])
            found = self._known[shape] = limited((*(shown(_step(key)) for key in shape[0]), *features))
        return found


def place_name(place: str) -> str:
    """Name of the field at a place of the configuration.

    >>> place_name("id"), place_name("/request/id")
    ('/id', '/request/id')
    """
    return shown("".join(map(_step, steps(place))))


def holder_name(place: str) -> str:
    """Name of a record's field that holds a place of the configuration, or is it.

    >>> holder_name("id"), holder_name("/request/id")
    ('/id', '/request')
    """
    return shown(_step(steps(place)[0]))


def limited(names: Iterable[str]) -> tuple[str, ...]:
    """Names of a record, each once, ascending."""
    return tuple(sorted(set(names))[:MOST])


def _step(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def shown(name: str) -> str:
    r"""A name as people may read it.

    >>> shown("/plan\n"), shown("/" + 100 * "x")[-3:]
    ('/plan\\u000a', 'xx…')
    """
    text = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in name[: LONGEST + 1])
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
