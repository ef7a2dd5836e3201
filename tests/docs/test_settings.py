"""docs/settings.md, which is made from the JSON Schema of the configuration."""

from __future__ import annotations

import runpy
from pathlib import Path

from config.schema import schema

DOCS = Path(__file__).parents[2] / "docs"


def properties(document):
    """Each key of each section with its schema."""
    if isinstance(document, dict):
        if isinstance(document.get("properties"), dict):
            yield from document["properties"].items()
        for value in document.values():
            yield from properties(value)
    elif isinstance(document, list):
        for value in document:
            yield from properties(value)


def test_the_page_is_current():
    """Run `python docs/settings.py` after a change of the configuration."""
    assert runpy.run_path(str(DOCS / "settings.py"))["page"]() == (DOCS / "settings.md").read_text()


def test_every_key_says_what_it_is():
    """A text below each field of a section, which is in the schema and on the page."""
    keys = list(properties(schema()))
    assert len(keys) > 240
    assert [key for key, value in keys if not value.get("description", "").endswith(".")] == []


def test_every_section_is_on_the_page():
    """Under a heading of its own; what `defaults` may say is what a model may."""
    said = (DOCS / "settings.md").read_text()
    sections = {name: form["description"] for name, form in schema()["$defs"].items() if "description" in form}
    assert [name for name, text in sections.items() if text not in said] == ["Settings"]
