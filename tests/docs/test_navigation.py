"""The pages of the site: all of them can be found, and load nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# `!!python/object/apply` names a function of an extension, which the build alone needs.
SITE = yaml.safe_load(re.sub(r"!!python/\S+", "", (ROOT / "mkdocs.yml").read_text()))


def pages(navigation):
    for entry in navigation:
        for place in entry.values():
            yield from pages(place) if isinstance(place, list) else (place,)


def test_each_page_is_in_the_navigation_once():
    """A page that is not there is found by nobody."""
    assert sorted(pages(SITE["nav"])) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_nothing_is_loaded_from_elsewhere():
    """No fonts and no scripts of others, so that the site works without a network."""
    assert SITE["theme"]["font"] is False
    assert "extra_javascript" not in SITE
    assert [file for file in SITE["extra_css"] if not (DOCS / file).is_file()] == []


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_pictures_are_there_and_are_described(page):
    """Files of the documentation, with a text for who cannot see them."""
    for text, place in re.findall(r"!\[(.*?)\]\((.*?)\)", page.read_text()):
        assert text
        assert (page.parent / place).is_file()
