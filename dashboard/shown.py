"""What a page is: a title, and blocks of text, charts and controls from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup
from plotly import graph_objects as go

from dashboard.findings import Findings
from schemas.errors import TidemarkError

LONGEST = 500  # characters of a value in an address: names of models and segments are shorter


class Missing(TidemarkError):
    """There is nothing to show at this address: follow a link from the fleet page."""


@dataclass(frozen=True)
class Query:
    """What an address asks a page for, and who asks.

    Examples
    --------
    >>> Query({"page": "2"}).number("page", 1), Query({"page": "two"}).number("page", 1)
    (2, 1)
    """

    values: Mapping[str, str]
    user: str | None = None  # as the reverse proxy says

    def get(self, name: str, default: str = "") -> str:
        """The text of a parameter, without blanks around it."""
        return self.values.get(name, default).strip()[:LONGEST] or default

    def number(self, name: str, default: int, most: int = 1_000_000) -> int:
        """A whole number from 1 to `most`; the default for what is none."""
        text = self.get(name)
        return min(max(int(text), 1), most) if text.isascii() and text.isdigit() else default


@dataclass(frozen=True)
class Html:
    """Markup from a template; all that comes from records is escaped in it."""

    markup: Markup


@dataclass(frozen=True)
class Chart:
    """A figure, under a title of its own if it has one; of a `half` one two stand beside each other, if they can.

    `label` says in words what it shows, to those who do not see it.
    """

    figure: go.Figure
    label: str
    title: str = ""
    about: str = ""
    half: bool = False


@dataclass(frozen=True)
class Controls:
    """Elements of NiceGUI with which people act; built once, and left alone when the page is brought up to date.

    `name` tells two of them on a page apart.
    """

    name: str
    build: Callable[[], None]


Block = Html | Chart | Controls


@dataclass(frozen=True)
class Shown:
    """A page."""

    title: str
    blocks: tuple[Block, ...]


Page = Callable[[Findings, Query], Shown]
