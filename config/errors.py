"""From problems to lines for people: ``file:line:column: path: what is wrong (what is allowed); what to do``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import ValidationError

from config.texts import Mapping, Mark, Sequence, shape
from schemas.errors import ConfigurationError

Path = tuple[str | int, ...]  # from the root: keys of mappings, positions in lists
TAG = "\0"  # begins the names of alternatives in pydantic's locations, which are no part of the file
WORD = re.compile(r"[\w*-]+")  # a key that reads well between dots; others are quoted


class Problem(NamedTuple):
    """Something wrong at `path`; `mark` where the place cannot be found by the path (a file that is no YAML).

    About a place with a `final` problem nothing else is said: its value is not known.
    """

    path: Path
    message: str
    mark: Mark | None = None
    final: bool = False


def configuration_error(tree: Mapping, start: Mark, problems: Iterable[Problem]) -> ConfigurationError:
    """Make the one error that lists all problems, each once, in the order of files and lines.

    Parameters
    ----------
    tree : Mapping
        The configuration that the paths lead through.
    start : Mark
        The place of what has no place of its own.
    problems : iterable of Problem
        What is wrong. Problems with the same place and message are one: a default is wrong in every model.
    """
    placed = [(problem.mark or _mark(tree, problem.path) or start, problem) for problem in problems]
    finished = {mark for mark, problem in placed if problem.final}
    paths: dict[tuple[Mark, str], Path] = {}
    for mark, problem in placed:
        if problem.final or mark not in finished:
            paths.setdefault((mark, problem.message), problem.path)
    order = sorted(paths, key=lambda key: (key[0].file != start.file, key[0]))
    return ConfigurationError([_line(f"{mark}: {_prefix(paths[mark, message])}{message}") for mark, message in order])


def problems_of(error: ValidationError, tree: Any, root: Path = ()) -> Iterator[Problem]:
    """Turn what pydantic found in `tree`, which stands at `root`, into problems with paths of the file."""
    for detail in error.errors(include_url=False):
        location = [part for part in detail["loc"] if not str(part).startswith(TAG) and part != "[key]"]
        kind, missing = detail["type"], None
        if kind == "missing":
            missing = location.pop()
        path, here = list(root), tree
        for part in location:
            if isinstance(here, Mapping) and part in here:
                here = here[str(part)]
            elif isinstance(here, Sequence) and isinstance(part, int):
                here = here[part]
            else:
                break  # below a short form of writing: the whole of it is what the file has
            path.append(part)
        yield Problem(tuple(path), _message(kind, detail["msg"], missing, here))


def _message(kind: str, text: str, missing: str | int | None, value: Any) -> str:
    if missing is not None:
        return f"has no '{missing}'"
    if kind in ("dict_type", "model_type"):
        return f"is {shape(value)}, not a mapping"
    if kind in ("list_type", "tuple_type"):
        return f"is {shape(value)}, not a list"
    return text.removeprefix("Value error, ")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: a near miss, or nothing.

    Examples
    --------
    >>> did_you_mean("numerik", ["numeric", "categorical"])
    "; did you mean 'numeric'?"
    >>> did_you_mean("x", ["numeric"])
    ''
    """
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def dotted(path: Path) -> str:
    """Write a path as messages show it.

    Examples
    --------
    >>> dotted(("models", "churn", "segments", 1)), dotted(("models", "a.b"))
    ('models.churn.segments[1]', "models.'a.b'")
    """
    words = (part if isinstance(part, int) or WORD.fullmatch(part) else repr(part) for part in path)
    return "".join(f"[{word}]" if isinstance(word, int) else f".{word}" for word in words).removeprefix(".")


def _prefix(path: Path) -> str:
    return f"{dotted(path)}: " if path else ""


def _line(text: str) -> str:
    """A message is one line, whatever it quotes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _mark(tree: Any, path: Path) -> Mark | None:
    """The place of the last part of `path` that stands in a file: of its key, or of the item of a list."""
    mark = None
    for part in path:
        if isinstance(tree, Mapping) and part in tree:
            mark, tree = tree.marks.get(str(part), mark), tree[str(part)]
        elif isinstance(tree, Sequence) and isinstance(part, int) and part < len(tree):
            mark, tree = tree.marks[part], tree[part]
        else:
            break
    return mark
