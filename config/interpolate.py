"""``${NAME}``, ``${NAME:-default}`` and ``${file:/path}`` in the texts of a configuration; ``$${`` is a plain ``${``.

A text still knows what the file says (`Text.source`), so that no message shows what was put in. What comes from a
file is a secret, and so is a variable that stands where a password belongs. A secret in a place that events or logs
show is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Environment
from pathlib import Path
from typing import Any

from config.errors import Path as Place
from config.errors import Problem
from config.texts import Mapping, Sequence, Text, quote

REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
ALLOWED = "secrets are for kafka.security, actions and store"
FORMS = "${NAME}, ${NAME:-default} or ${file:/path}"
PASSWORDS: tuple[Place, ...] = (("kafka", "security", "password"), ("kafka", "security", "key_password"))
HIDDEN: tuple[Place, ...] = (("kafka", "security"), ("actions",), ("store",))  # never in plan, events or logs
SECRET_FILE_LIMIT = 1_048_576  # bytes; a password or a key is shorter, a wrong path may be a device without an end


def interpolate(tree: Mapping, environment: Environment[str, str], directory: Path) -> tuple[Mapping, list[Problem]]:
    """Put in what the references stand for.

    Parameters
    ----------
    tree : Mapping
        A configuration as it was read.
    environment : mapping of str to str
        What ``${NAME}`` stands for.
    directory : Path
        What a relative ``${file:...}`` is relative to.

    Returns
    -------
    Mapping
        The same tree with texts replaced.
    list of Problem
        What could not be put in, and secrets in places where they would be seen.
    """
    problems: list[Problem] = []
    passwords = {name for path in PASSWORDS for name in _names(_at(tree, path))}

    def fill(value: Any, path: Place) -> Any:
        if isinstance(value, Mapping):
            mapping = Mapping()
            for key, item in value.items():
                mapping.put(key, fill(item, (*path, key)), value.marks[key])
            return mapping
        if isinstance(value, Sequence):
            sequence = Sequence()
            for index, item in enumerate(value):
                sequence.put(fill(item, (*path, index)), value.marks[index])
            return sequence
        if not isinstance(value, Text) or "${" not in value:
            return value
        try:
            if not _hidden(path):
                _refuse_secrets(value, passwords)
            return _filled(value, environment, directory)
        except ValueError as error:
            problems.append(Problem(path, str(error), final=True))
            return value

    return fill(tree, ()), problems


def _hidden(path: Place) -> bool:
    which = path[:1] == ("actions",) and path[2:3] in (("models",), ("name",))  # messages say them
    return any(path[: len(hidden)] == hidden for hidden in HIDDEN) and not which


def _filled(text: Text, environment: Environment[str, str], directory: Path) -> Text:
    filled: list[str] = []

    def put_in(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        filled.append(_stands_for(match, environment, directory))
        return filled[-1]

    return Text(REFERENCE.sub(put_in, text), text.mark, source=text, plain=False, filled=tuple(filled))


def _stands_for(match: re.Match[str], environment: Environment[str, str], directory: Path) -> str:
    if match[1].startswith("file:") and match[2]:
        return _content(directory / match[1].removeprefix("file:"))
    name = NAME.fullmatch(match[1]) if match[2] else None
    if not name:
        msg = f"{quote(match[0])} is not a reference ({FORMS}); write '$${{' for a plain '${{'"
        raise ValueError(msg)
    value = environment.get(name[1])
    if name[2] is not None and not value:  # as in a shell: the default also stands for an empty value
        return name[2]
    if value is None:
        msg = f"environment variable '{name[1]}' is not set; set it or give a default ('${{{name[1]}:-...}}')"
        raise ValueError(msg)
    return value


def _refuse_secrets(text: Text, passwords: set[str]) -> None:
    if any(name in passwords or name.startswith("file:") for name in _names(text)):
        msg = f"{quote(text)} is a secret and would be seen in events and logs ({ALLOWED})"
        raise ValueError(msg)


def _names(text: Any) -> set[str]:
    """What a text refers to: variables by name, files with ``file:`` before them."""
    found = [match[1] for match in REFERENCE.finditer(text) if match[1]] if isinstance(text, Text) else []
    return {name if name.startswith("file:") else name.partition(":-")[0] for name in found}


def _at(tree: Any, path: Place) -> Any:
    for part in path:
        tree = tree.get(str(part)) if isinstance(tree, Mapping) else None
    return tree


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_FILE_LIMIT + 1)
        if len(content) > SECRET_FILE_LIMIT:
            msg = f"file {str(path)!r} is too large (at most 1 MB)"
            raise ValueError(msg)
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        msg = f"file {str(path)!r} is not UTF-8 text"
        raise ValueError(msg) from None
    except OSError as error:
        msg = f"file {str(path)!r} cannot be read ({error.strerror or error})"
        raise ValueError(msg) from None
