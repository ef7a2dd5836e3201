"""One YAML file -> mappings, lists and texts with their places (`config.texts`).

PyYAML's composer gives the nodes; what it does not mind, but a person would, is an error here: keys given twice,
keys that are no text, tags of programming languages, aliases that multiply.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from config.errors import Problem
from config.texts import Mapping, Mark, Sequence, Text, quote

FILE_LIMIT = 1024 * 1024  # bytes: some 50,000 features, read in ten seconds; a data file given by mistake is not parsed
NODE_LIMIT = 100_000  # values of one file, an alias counted each time: ten nested aliases can stand for billions
YAML = "tag:yaml.org,2002:"
PLAIN_TAGS = {YAML + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")}


def read(path: Path, name: str) -> tuple[Mapping, list[Problem]]:
    """Read a YAML file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What messages call it.

    Returns
    -------
    Mapping
        Its content, without what is wrong.
    list of Problem
        What is wrong, each with its place.
    """
    try:
        node = _compose(path, name)
    except _Unreadable as problem:
        return Mapping(), [problem.problem]
    converter = _Converter(name)
    try:
        tree = converter.convert(node)
    except _Unreadable as problem:
        return Mapping(), [problem.problem]
    if not isinstance(tree, Mapping):
        return Mapping(), [Problem((), "is not a mapping at its top (sources:, models: and so on)", Mark(name, 1, 1))]
    return tree, converter.problems


class _Unreadable(Exception):
    """A file that gives no tree at all."""

    def __init__(self, message: str, mark: Mark) -> None:
        super().__init__(message)
        self.problem = Problem((), message, mark)


def _compose(path: Path, name: str) -> yaml.Node:
    start = Mark(name, 1, 1)
    try:
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        message = "no such file; 'tidemark init --from DATA -o FILE' writes a first one"
        raise _Unreadable(message, start) from None
    except OSError as error:
        message = f"cannot be read ({error.strerror or error})"
        raise _Unreadable(message, start) from None
    if len(content) > FILE_LIMIT:
        message = "is larger than 1 MB; is it a configuration?"
        raise _Unreadable(message, start)
    try:
        text = content.decode("utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start + 1})"
        raise _Unreadable(message, _at(name, content[: error.start].decode())) from None
    except yaml.reader.ReaderError as error:
        message = f"has a character that YAML does not allow (#x{error.character:02x})"
        raise _Unreadable(message, start) from None
    except yaml.MarkedYAMLError as error:
        what = error.problem or ""
        message = f"is not YAML: {f'{error.context} {what}' if what.startswith('but ') else what or error.context}"
        mark = _mark(name, error.problem_mark or error.context_mark)
        if error.problem_mark and text[: error.problem_mark.index].endswith("$"):
            message += '; within {} and [] a reference needs quotes, as in "${NAME}"'
        raise _Unreadable(message, mark) from None
    except RecursionError:
        message = "is nested too deeply"
        raise _Unreadable(message, start) from None
    if node is None:
        message = "is empty; 'tidemark init --from DATA -o FILE' writes a configuration from data"
        raise _Unreadable(message, start)
    return node


def _at(name: str, before: str) -> Mark:
    """The place after the text `before`."""
    return Mark(name, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _mark(name: str, mark: yaml.Mark | None) -> Mark:
    return Mark(name, mark.line + 1, mark.column + 1) if mark else Mark(name, 1, 1)


class _Converter:
    """Turns nodes into values, collecting problems on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.count = 0
        self.open: set[int] = set()  # nodes that are being converted: meeting one again is an alias to itself

    def convert(self, node: yaml.Node) -> Any:
        mark = _mark(self.name, node.start_mark)
        self.count += 1
        if self.count > NODE_LIMIT:
            message = f"has more than {NODE_LIMIT} values (an alias counts each time it is used)"
            raise _Unreadable(message, Mark(self.name, 1, 1))
        if id(node) in self.open:
            message = "is an alias within what it stands for"
            raise _Unreadable(message, mark)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.ScalarNode) and node.tag in PLAIN_TAGS:
                return None if node.tag == YAML + "null" else Text(node.value, mark, plain=node.style is None)
            if isinstance(node, yaml.SequenceNode) and node.tag == YAML + "seq":
                items = Sequence()
                for item in node.value:
                    items.put(self.convert(item), _mark(self.name, item.start_mark))
                return items
            if isinstance(node, yaml.MappingNode) and node.tag == YAML + "map":
                return self.mapping(node)
        finally:
            self.open.remove(id(node))
        message = f"{quote(node.tag)} is not a tag that a configuration has; take it away"
        self.problems.append(Problem((), message, mark))
        return None

    def mapping(self, node: yaml.MappingNode) -> Mapping:
        own, merged = Mapping(), Mapping()
        for key_node, value_node in node.value:
            mark = _mark(self.name, key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem((), "a key is a text, not a list or a mapping", mark))
            elif key_node.tag == YAML + "merge":  # `<<: *base`: own keys win, and of several bases the first
                bases = self.convert(value_node)
                for base in bases if isinstance(bases, list) else [bases]:
                    if isinstance(base, Mapping):
                        _fill(merged, base)
                    else:
                        self.problems.append(Problem((), "'<<' takes a mapping or a list of mappings", mark))
            elif key_node.value in own:
                first = own.marks[key_node.value].line
                self.problems.append(Problem((), f"'{key_node.value}' is given twice (first in line {first})", mark))
            else:
                own.put(key_node.value, self.convert(value_node), mark)
        _fill(own, merged)
        return own


def _fill(mapping: Mapping, base: Mapping) -> None:
    """Add what only `base` has."""
    for key, value in base.items():
        if key not in mapping:
            mapping.put(key, value, base.marks[key])
