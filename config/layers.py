"""Several files and several layers -> one tree: `include`, then `defaults` < `groups` < model.

Two mappings merge; anything else replaces, and so does a key without a value: it takes away what a layer below said.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from config.errors import Problem
from config.read import read
from config.texts import Mapping, Sequence, Text, quote

SHARED = ("sources", "groups", "models", "actions")  # what an included file may hold: a team's own, not the job's


def merge(below: Any, above: Any) -> Any:
    """Lay `above` over `below`."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    merged = Mapping()
    for key, value in below.items():
        merged.put(key, value, below.marks[key])
    for key, value in above.items():
        merged.put(key, merge(merged[key], value) if key in merged else value, above.marks[key])
    return merged


def included(tree: Mapping, directory: Path, name: str) -> tuple[Mapping, list[Problem]]:
    """Add what the files under `include` say.

    Parameters
    ----------
    tree : Mapping
        The main file.
    directory : Path
        What the patterns are relative to: the folder of the main file.
    name : str
        The main file, as messages call it; the others are called in the same way.

    Returns
    -------
    Mapping
        The main file with the sources, groups, models and actions of the others.
    list of Problem
        Patterns without files, keys that are not for included files, names that are given twice.
    """
    patterns = tree.get("include")
    whole, problems = merge(tree, Mapping()), list[Problem]()
    for path, pattern in _items(patterns, ("include",)):
        files = sorted(_matches(directory, str(pattern)))
        if not files:
            problems.append(Problem(path, f"no file matches {quote(pattern)} in {str(directory)!r}"))
        for file in files:
            shown = file.relative_to(directory) if file.is_relative_to(directory) else file
            content, found = read(file, str(Path(name).parent / shown))
            problems += found
            problems += _add(whole, content)
    return whole, problems


def _matches(directory: Path, pattern: str) -> Iterator[Path]:
    whole = directory / pattern
    root = Path(whole.anchor)
    return directory.glob(pattern) if not Path(pattern).is_absolute() else root.glob(str(whole.relative_to(root)))


def _add(whole: Mapping, content: Mapping) -> Iterator[Problem]:
    for key, value in content.items():
        if key not in SHARED:
            message = f"'{key}' is not for included files ({', '.join(SHARED)}); move it to the main file"
            yield Problem((), message, content.marks[key])
        elif key not in whole or whole[key] is None:
            whole.put(key, merge(Mapping(), value) if isinstance(value, Mapping) else value, content.marks[key])
        elif isinstance(value, Mapping) and isinstance(whole[key], Mapping):
            both = merge(whole[key], Mapping())
            for name, item in value.items():
                if name in both:
                    message = f"'{name}' is given twice (first at {both.marks[name]})"
                    yield Problem((key, name), message, value.marks[name])
                else:
                    both.put(name, item, value.marks[name])
            whole.put(key, both, whole.marks[key])
        elif isinstance(value, Sequence) and isinstance(whole[key], Sequence):
            both_lists = Sequence()
            for items in (whole[key], value):
                for item, mark in zip(items, items.marks, strict=True):
                    both_lists.put(item, mark)
            whole.put(key, both_lists, whole.marks[key])
        else:
            yield Problem((), f"'{key}' is not the same kind of thing as at {whole.marks[key]}", content.marks[key])


def layered(tree: Mapping) -> tuple[Mapping, list[Problem]]:
    """Give each model what `defaults` and its groups say.

    Returns
    -------
    Mapping
        The tree with complete models.
    list of Problem
        Patterns of groups that match no model.
    """
    models, problems = tree.get("models"), list[Problem]()
    if not isinstance(models, Mapping):
        return tree, problems
    groups = tree["groups"] if isinstance(tree.get("groups"), Mapping) else Mapping()
    layers: dict[str, Any] = dict.fromkeys(models, tree.get("defaults"))
    for group_name, group in groups.items():
        patterns = (
            list(_items(group.get("models"), ("groups", group_name, "models"))) if isinstance(group, Mapping) else []
        )
        members = [name for name in models if any(fnmatchcase(name, pattern) for _, pattern in patterns)]
        settings = _without(group, "models")
        for name in members:
            layers[name] = merge(layers[name], settings) if layers[name] is not None else settings
        for path, pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in models):
                problems.append(Problem(path, f"{quote(pattern)} matches no model ({', '.join(models)})"))
    complete = Mapping()
    for name, model in models.items():
        below = layers[name]
        complete.put(name, merge(below, model) if isinstance(below, Mapping) else model, models.marks[name])
    whole = merge(tree, Mapping())
    whole.put("models", complete, tree.marks["models"])
    return whole, problems


def _without(mapping: Any, key: str) -> Any:
    rest = Mapping()
    if isinstance(mapping, Mapping):
        for name, value in mapping.items():
            if name != key:
                rest.put(name, value, mapping.marks[name])
    return rest


def _items(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str | int, ...], Text]]:
    """The texts of a list with their paths; one text alone is a list of one. Other shapes are told elsewhere."""
    if isinstance(value, Text):
        yield path, value
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            if isinstance(item, Text):
                yield (*path, index), item
