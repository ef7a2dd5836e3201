"""Whatever stands in the file, it is a configuration or a list of problems, each with its place."""

import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from config import Configuration, load
from schemas.errors import ConfigurationError

EVERYTHING = Path(__file__).parents[1] / "data" / "everything.yaml"
TREE = yaml.load(EVERYTHING.read_text(), yaml.BaseLoader)
SECRETS = {"KAFKA_PASSWORD": "correct horse", "TOKEN": "battery staple"}
LINE = re.compile(r".+\.yaml:\d+:\d+: \S.*")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


WORDS = st.sampled_from(
    [
        "",
        "1",
        "-1",
        "1e400",
        "yes",
        "all",
        "psi",
        "5 min",
        "1 per day",
        "${X}",
        "${KAFKA_PASSWORD}",
        "${file:/}",
        "[*",
        "{x}",
    ]
)
TEXTS = WORDS | st.text(max_size=5)
VALUES = st.recursive(
    st.none() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def outcome(path: Path, text: str) -> Configuration | tuple[str, ...]:
    path.write_text(text, encoding="utf-8")
    try:
        return load(path, SECRETS)
    except ConfigurationError as error:
        return error.problems


@given(st.lists(st.tuples(st.sampled_from(places(TREE)), VALUES), min_size=1, max_size=3))
@example([(("actions", 0, "models"), "${KAFKA_PASSWORD}")])
def test_values_of_all_kinds_in_all_places(tmp_path_factory, changes):
    """Never another exception, never a secret in a message."""
    tree: Any = TREE
    for place, new in changes:
        try:
            tree = changed(tree, place, new)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            continue  # an earlier change took the place away
    found = outcome(tmp_path_factory.getbasetemp() / "c.yaml", yaml.safe_dump(tree, allow_unicode=True))
    if isinstance(found, tuple):
        assert found
        assert all(LINE.fullmatch(line) for line in found)
        assert not any(secret in line for line in found for secret in SECRETS.values())


@given(st.data())
def test_characters_lost_and_found(tmp_path_factory, data):
    """A slip of the hand in the middle of the file."""
    text = EVERYTHING.read_text()
    at = data.draw(st.integers(0, len(text)))
    lost = data.draw(st.integers(0, 20))
    found = outcome(
        tmp_path_factory.getbasetemp() / "c.yaml", text[:at] + data.draw(st.text(max_size=3)) + text[at + lost :]
    )
    assert isinstance(found, Configuration) or found
