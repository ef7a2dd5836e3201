"""Templates and the secrets in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.templates import Template, TemplateError, secrets_of, values

SCOPE = {"event": {"id": "1", "list": [1, 2], "none": None}}


@given(st.text())
def test_a_secret_is_never_a_template(secret):
    """Whatever is in it."""
    assert Template("a ${X} {{ event.id }} ${X}", (secret, secret)).text(SCOPE) == f"a {secret} 1 {secret}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ event.list }}", [1, 2]),
        (" {{ event.none }} ", None),
        ("{{ event.list }}{{ event.id }}", "[1, 2]1"),
        ("{{- event.id -}}", "1"),
        ("{{ event.list | tojson }}", "[1, 2]"),
        ("{{ '}}' }}", "}}"),
        ("$${X}", "${X}"),
        ("plain", "plain"),
    ],
)
def test_one_expression_keeps_its_type(text, value):
    """Anything else is a text."""
    assert Template(text).value(SCOPE) == value


def test_an_event_cannot_ask_for_a_secret():
    """What stands for a secret cannot be guessed by whoever writes events."""
    guess = {"event": {"id": "\ue0000\ue001 ${X} \ue000deadbeef.0\ue001"}}
    assert "secret" not in Template("{{ event.id }}", ("secret",)).text(guess)


def test_names_that_are_not_there_are_errors():
    """Quoted as in the file."""
    for fill in (Template("${X}{{ event.x }}", ("secret",)).text, Template("{{ event.x }}").value):
        with pytest.raises(TemplateError) as raised:
            fill(SCOPE)
        assert str(raised.value).endswith("{{ event.x }}': 'dict object' has no attribute 'x'")
        assert "secret" not in str(raised.value)


def test_trees():
    """Filled all through; their secrets are found, all but what is too short to be one."""
    tree = {
        "a": [Template("${X}", ("secret",)), 1],
        "b": {"c": Template("{{ event.list }}")},
        "d": Template("${Y}", ("80",)),
    }
    assert values(tree, SCOPE) == {"a": ["secret", 1], "b": {"c": [1, 2]}, "d": "80"}
    assert list(secrets_of(tree)) == ["secret"]
