"""Pages as a browser shows them: wide and narrow, light and dark, without errors, and usable by everybody."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from dashboard import links
from dashboard.files import Followed
from store import Database, Reader, Writer
from tests.browser import program
from tests.dashboard.conftest import dashboard
from tests.store.messages import drift, window

LOOKS = {"light": (1280, 860), "dark": (390, 844)}  # pixels; a desk, and a telephone
HOSTILE = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
# Nobody answers there: what is said to the job is refused before it is sent, or not at all in these tests.
CONFIGURATION = """
kafka: {bootstrap: "localhost:1"}
control: {topic: drift-control}
sources: {predictions: {topic: predictions}}
models: {churn: {features: {age: numeric}}}
"""
LATE_S = 4.0  # seen within two; twice that where tests share the processor


@pytest.fixture(scope="module")
def site(churn, tmp_path_factory):
    """A dashboard of a model that has drifted and one with a bad name; its address, pages by name, and its writer."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "monitors.yaml").write_text(CONFIGURATION)
    url = f"sqlite:///{folder}/store.db"
    with Database(url) as database:
        writer, reader = Writer(database), Reader(database)
        Followed([churn / "events.jsonl", churn / "summaries.jsonl"], writer).read()
        writer.write([window(model=HOSTILE), drift(model=HOSTILE, signal=HOSTILE, segment={"country": HOSTILE})])
        found = {each.kind: each.episode for each in reader.episodes("churn") if each.segment == "all"}
        (bad,) = reader.episodes(HOSTILE)
        pages = {
            "fleet": links.fleet(),
            "model": links.model("churn"),
            "hostile-model": links.model(HOSTILE),
            "episodes": links.episodes(),
            "episode": links.episode(found["feature"]),
            "hostile-episode": links.episode(bad.episode),
            "signal": links.signal("churn", "3", "all", "feature.age"),
            "dead-letters": links.dead_letters(),
        }
        with dashboard(folder / "monitors.yaml", "--store", url) as address:
            yield address, pages, writer


@pytest.fixture(scope="module")
def browser():
    """Chromium; it has no sandbox of its own where tests run as root."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(params=LOOKS)
def tab(request, browser):
    """A page of the browser, in one of the looks, and what went wrong in it."""
    width, height = LOOKS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=request.param)
    page, wrong = context.new_page(), []
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page, wrong, request.param
    context.close()


def test_every_page(site, tab, tmp_path):
    """Nothing is said on the console, axe finds nothing, nothing sticks out sideways, no name becomes a script."""
    address, pages, _ = site
    page, wrong, look = tab
    pictures = Path(os.environ.get("TIDEMARK_KEEP_PICTURES", tmp_path))
    for name, path in pages.items():
        page.goto(address + path)
        page.wait_for_selector("h1")
        for chart in page.locator(".js-plotly-plot").all():
            chart.locator(".main-svg").first.wait_for()
        page.screenshot(path=pictures / f"{name}-{look}.png", full_page=True)
        assert "Tidemark" in page.title(), name
        found = Axe().run(page)
        wrong += [f"{name}: {found.generate_report()}"] if found.violations_count else []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    assert wrong == []
    assert page.locator("html").get_attribute("data-theme") == look


def test_what_is_stored_is_seen(site, tab):
    """Within two seconds; what is being typed stays, and so does the focus."""
    address, _, writer = site
    page, _, look = tab
    writer.write([window(model=f"{look}-0")])
    page.goto(f"{address}/?search={look}")
    page.get_by_role("rowheader", name=f"{look}-0").wait_for()
    page.wait_for_timeout(1_500)  # the connection stands
    page.get_by_role("searchbox").fill("half a wo")
    for number, holder in ((1, page.get_by_role("searchbox")), (2, page.get_by_role("link", name=f"{look}-0"))):
        holder.focus()
        began_s = time.monotonic()
        writer.write([window(model=f"{look}-{number}")])
        page.get_by_role("rowheader", name=f"{look}-{number}").wait_for()
        assert time.monotonic() - began_s < LATE_S
        assert holder.evaluate("each => each === document.activeElement")
    assert page.get_by_role("searchbox").input_value() == "half a wo"


def test_without_a_mouse(site, tab):
    """A link past the navigation comes first, "/" goes to the search, and what was searched for is the address."""
    address, _, _ = site
    page, _, _ = tab
    page.goto(address)
    page.wait_for_selector("h1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("/")
    page.keyboard.type("chu")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/?search=chu")
    page.get_by_role("link", name="churn", exact=True).click()
    page.wait_for_url(f"{address}/model?name=churn")


def test_what_people_say_of_an_episode(site, tab):
    """What cannot be done is said beside the form; what is typed outlasts that the page is brought up to date."""
    address, pages, writer = site
    page, wrong, look = tab
    page.goto(address + pages["episode"])
    page.get_by_text("No reverse proxy says who you are").wait_for()
    page.wait_for_timeout(1_500)  # the connection stands
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Not done: say why").wait_for()
    page.get_by_label("Why").fill("new prices")
    writer.write([window(model=f"said-{look}")])
    page.wait_for_timeout(2_500)
    assert page.get_by_label("Why").input_value() == "new prices"
    assert (page.url, wrong) == (address + pages["episode"], [])


def test_the_theme_is_chosen_and_kept(site, tab):
    """By a button; the next page has it too."""
    address, pages, _ = site
    page, _, look = tab
    page.goto(address)
    page.get_by_role("button", name="Dark or light").click()
    page.goto(address + pages["episodes"])
    other = {"light": "dark", "dark": "light"}[look]
    assert page.locator("html").get_attribute("data-theme") == other
