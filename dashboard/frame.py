"""The frame of all pages: head, navigation, and what keeps a page up to date."""

from __future__ import annotations

import re
import time
from collections.abc import Hashable
from pathlib import Path

from fastapi import Request
from markupsafe import Markup
from nicegui import run, ui

from dashboard import links
from dashboard.findings import Findings
from dashboard.shown import Block, Chart, Controls, Html, Missing, Page, Query, Shown
from dashboard.templates import fill
from schemas.errors import TidemarkError
from store import StoreError

REST = 5  # times as long as reading it took, a page is left as it is: many browsers do not keep a slow store busy
REFRESH_S = 1.0  # what is stored is seen within two: this, half a second of the mark, and the page itself
FORM = re.compile(r"(<form\b.*?</form>)", re.DOTALL)
HERE = Path(__file__).parent
NAVIGATION = (("Models", links.fleet()), ("Episodes", links.episodes()), ("Dead letters", links.dead_letters()))


class Frame:
    """A page in a browser: built once, then brought up to date as the store grows.

    Parameters
    ----------
    findings : Findings
    page : Page
    request : Request
        What the browser asked for.
    user_header : str
        Name of the header in which a reverse proxy says who asks.
    """

    def __init__(self, findings: Findings, page: Page, request: Request, user_header: str) -> None:
        self._findings = findings
        self._page = page
        self._path = request.url.path
        self._query = Query(dict(request.query_params), request.headers.get(user_header) or None)
        self._blocks: list[Block] = []
        self._elements: list[ui.element] = []
        self._mark: Hashable = None
        self._rests_until_s = 0.0

    async def build(self) -> int:
        """Build the page; return its HTTP status."""
        read = await run.io_bound(self._read)
        if read is None:
            return 503  # the server ends
        shown, self._mark, status = read
        ui.add_head_html(_head())
        ui.page_title(f"{shown.title} · Tidemark")
        with ui.header(elevated=False, wrap=False).classes(replace="top"):
            _html(fill("top.html.j2", title=self._findings.title, user=self._query.user, here=self._path,
                       navigation=NAVIGATION).markup)  # fmt: skip
        self._main = ui.column().classes(replace="page").props('id="content"')
        self._show(shown)
        ui.timer(REFRESH_S, self._refresh, immediate=False)
        return status

    def _read(self) -> tuple[Shown, Hashable, int]:
        """The page as it is now, the mark from before it was read, and its HTTP status."""
        began_s = time.monotonic()
        try:
            mark = self._findings.mark()
            return self._page(self._findings, self._query), mark, 200
        except Missing as error:
            return _sorry("Not here", error), None, 404
        except StoreError as error:
            return _sorry("The store cannot be read", error), None, 503
        finally:
            now_s = time.monotonic()
            self._rests_until_s = now_s + REST * (now_s - began_s)

    async def _refresh(self) -> None:
        if time.monotonic() < self._rests_until_s:
            return
        try:
            if await run.io_bound(self._findings.mark) == self._mark:
                return
        except StoreError:
            if self._mark is None:
                return
        read = await run.io_bound(self._read)
        if read is not None:
            shown, self._mark, _ = read
            self._show(shown)

    def _show(self, shown: Shown) -> None:
        """Put blocks in place of those before, those of the same kind into the same elements."""
        blocks = [part for block in shown.blocks for part in _parts(block)]
        if [_kind(block) for block in blocks] == [_kind(block) for block in self._blocks]:
            for element, block, before in zip(self._elements, blocks, self._blocks, strict=True):
                _replace(element, block, before)
        else:
            self._main.clear()
            with self._main:
                self._elements = [_element(block) for block in blocks]
        self._blocks = blocks


def _parts(block: Block) -> list[Block]:
    """Forms by themselves: they stay as they are, with what is typed into them, when what is around them changes."""
    if not isinstance(block, Html):
        return [block]
    return [Html(Markup(part)) for part in FORM.split(block.markup) if part.strip()]


def _kind(block: Block) -> tuple[type, str]:
    return type(block), block.name if isinstance(block, Controls) else block.title if isinstance(block, Chart) else ""


def _element(block: Block) -> ui.element:
    if isinstance(block, Html):
        return _html(block.markup)
    if isinstance(block, Chart):
        with ui.element("div").classes("chart half" if block.half else "chart") as element:
            if block.title:
                _html(fill("caption.html.j2", title=block.title, about=block.about).markup)
            with ui.element("div").props('role="img"') as image:
                ui.plotly(_figure(block))
            _labelled(image, block)
        return element
    with ui.element("div").classes("controls") as element:
        block.build()
    return element


def _replace(element: ui.element, block: Block, before: Block) -> None:
    if isinstance(block, Html) and isinstance(element, ui.html):
        element.set_content(str(block.markup))
    elif isinstance(block, Chart) and isinstance(before, Chart) and block.figure != before.figure:
        image = element.default_slot.children[-1]
        [plot] = image.default_slot.children
        assert isinstance(plot, ui.plotly)
        plot.update_figure(_figure(block))
        _labelled(image, block)


def _labelled(image: ui.element, chart: Chart) -> None:
    image._props["aria-label"] = chart.label  # not through `.props`, which parses it


def _figure(chart: Chart) -> dict[str, object]:
    return {**chart.figure.to_plotly_json(), "config": {"displayModeBar": False, "responsive": True}}


def _html(markup: Markup) -> ui.html:
    return ui.html(str(markup), sanitize=False).classes("part")


def _sorry(title: str, error: TidemarkError) -> Shown:
    return Shown(title, (fill("sorry.html.j2", title=title, message=str(error)),))


def _head() -> str:
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "frame.js"))
    return f"<style>{style}</style><script>{script}</script>"
