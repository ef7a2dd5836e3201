from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from consumers.samples import drift_event, retrain_event, stream_event
from dashboard.report import Report, Series, gather, read_events, read_scores, series_of
from dashboard.report.markdown import markdown
from dashboard.report.page import html
from schemas.cloudevents import milliseconds
from schemas.errors import DataError
from schemas.evaluations import COLUMNS, Evaluation
from schemas.events import encode
from tests.store.messages import window
from tidemark.cli import main

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>`|*"
STORY = [
    drift_event("opened", time="2026-01-05T10:05:00.000Z"),
    drift_event("resolved", time="2026-01-05T12:00:00.000Z"),
]
SERIES = Series("churn", "3", "all", "feature.age", "psi", ["2026-01-05T10:05:00.000Z"], [0.4], [0.03], [True])
CONFIGURATION = """
sources: {predictions: {path: data.jsonl}}
sinks: {events: {path: events.jsonl}}
models: {churn: {features: {age: numeric}}}
"""


class Page(HTMLParser):
    """Elements of a page, and its text outside of scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self._silent = [], "", False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._silent = False

    def handle_data(self, data):
        self.text += "" if self._silent else data


def test_events_in_any_order_are_told_in_order():
    """An episode is one story, an event that is there twice is told once."""
    asked = retrain_event()
    found = gather("job", [STORY[1], asked, STORY[0], STORY[0], stream_event()])
    assert found.episodes == (tuple(STORY),)
    assert found.requests == ((asked,),)
    assert [event.type for event in found.others] == ["io.tidemark.stream.silent"]
    assert (found.start, found.models) == ("2026-01-05T09:40:00.000Z", ("churn",))


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        (None, None, 1),
        ("2026-01-05T11:00:00.000Z", None, 1),
        ("2026-01-05T12:00:00.001Z", None, 0),
        (None, "2026-01-05T09:40:00.000Z", 0),
        (None, "2026-01-05T09:40:00.001Z", 1),
    ],
)
def test_a_span_has_what_went_on_in_it(start, end, count):
    """From its onset to its end."""
    span = [None if time is None else milliseconds(time) for time in (start, end)]
    assert len(gather("job", STORY, start_ms=span[0], end_ms=span[1]).episodes) == count


def test_other_models_are_left_out():
    """Their evaluations, too."""
    found = gather("job", [*STORY, drift_event(model="fraud")], [SERIES], model="fraud")
    assert [story[0].data.model for story in found.episodes] == ["fraud"]
    assert found.series == ()


def test_the_page_needs_nothing_else():
    """No address is loaded; what happened is there to read."""
    page = Page(html(gather("job", [*STORY, retrain_event()], [SERIES])))
    assert [a for _, a in page.elements if str(a.get("src", a.get("href", "#"))).startswith(("http", "//"))] == []
    assert "feature.age" in page.text
    assert "recovered 2026-01-05 12:00" in page.text
    assert "train churn 3 anew" in page.text


def test_names_from_records_stay_text():
    """Of models, signals, categories and segments, on the page, in charts and in Markdown."""
    bad = drift_event(model=HOSTILE, signal=HOSTILE, segment={HOSTILE: HOSTILE})
    series = Series(HOSTILE, "3", "all", HOSTILE, HOSTILE, ["2026-01-05T10:05:00.000Z"], [1.0], [0.5], [True])
    made = gather(HOSTILE, [bad], [series])
    clean = Page(html(gather("job", [drift_event()], [SERIES])))
    page = Page(html(made))
    assert [tag for tag, _ in page.elements if tag in ("script", "img")] == [
        tag for tag, _ in clean.elements if tag in ("script", "img")
    ]
    assert HOSTILE in page.text
    assert not re.search(r"(?<!\\)<", markdown(made))


def test_nothing_happened():
    """Says so."""
    assert "nothing that was watched has really changed" in html(gather("job", []))
    assert "0 episodes" in markdown(gather("job", []))


def test_a_notebook_shows_it():
    """A part of a page, with its charts' script."""
    shown = gather("job", STORY)._repr_html_()
    assert not shown.startswith("<!doctype")
    assert "plotly-graph-div" in shown


def test_evaluations_by_file_and_by_summary_are_the_same(tmp_path):
    """CSV, Parquet and summaries."""
    about = {"model": "churn", "version": "3", "segment": "all", "signal": "feature.age", "detector": "psi"}
    found = {"count": 9, "threshold": 0.03, "p_value": None, "effect": None}
    rows = [
        Evaluation(time="2026-01-05T10:00:00.000Z", statistic=None, alarm=False, **about, **found),
        Evaluation(time="2026-01-05T11:00:00.000Z", statistic=0.4, alarm=True, **about, **found),
    ]
    table = pa.table({name: [getattr(row, name) for row in rows] for name in COLUMNS})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    pyarrow.csv.write_csv(table, tmp_path / "a.csv")
    told = series_of([msgspec.structs.replace(window().read.data, evaluations=tuple(rows))])
    assert read_scores(tmp_path / "a.csv") == read_scores(tmp_path / "a.parquet") == told


def test_files_that_cannot_be_used(tmp_path):
    """What is no event is named and left out; what is no table of evaluations is refused."""
    (tmp_path / "e.jsonl").write_bytes(encode(STORY[0]) + b"\n{}\n\n")
    found, wrong = read_events(tmp_path / "e.jsonl")
    assert found == STORY[:1]
    assert [line.partition(": ")[0] for line in wrong] == [f"{tmp_path}/e.jsonl:2"]
    (tmp_path / "s.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"has no column time, model, .*'tidemark backtest --scores' writes"):
        read_scores(tmp_path / "s.csv")
    with pytest.raises(DataError, match="tidemark backtest --events"):
        read_events(tmp_path / "none.jsonl")


def test_the_command(tmp_path, monkeypatch, capsys):
    """Three forms by suffix; what was asked for wrongly is said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(CONFIGURATION)
    (tmp_path / "events.jsonl").write_bytes(b"".join(encode(event) + b"\n" for event in STORY))
    for name in ("r.html", "r.md", "r.json"):
        assert main(["report", "c.yaml", "-o", name]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "r.html: 1 episodes, 0 retrain requests"
    assert json.loads((tmp_path / "r.json").read_bytes())["episodes"][0][0]["id"] == STORY[0].id
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert main(["report", "c.yaml", "-o", "r.pdf"]) == 2
    assert main(["report", "c.yaml", "-o", "r.md", "--from", "yesterday"]) == 2
    assert main(["report", "c.yaml", "-o", "r.md", "--model", "x"]) == 2
    said = capsys.readouterr().err
    assert "--output: 'r.pdf' is none of .html, .json, .md" in said
    assert "--from: 'yesterday' is not a time" in said
    assert "there is no model 'x' (there are: churn)" in said


def test_the_store_is_read(tmp_path, monkeypatch):
    """Events and evaluations, where the configuration has one."""
    from store import Database, Writer
    from store.writing import Message

    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(f"{CONFIGURATION}store: sqlite:///s.db\n")
    with Database(f"sqlite:///{tmp_path}/s.db") as database:
        Writer(database).write([Message(encode(event), event) for event in STORY])
    assert main(["report", "c.yaml", "-o", "r.json"]) == 0
    assert len(json.loads((tmp_path / "r.json").read_bytes())["episodes"][0]) == 2


def test_windows_of_the_store_are_read_only_where_they_are_shown(tmp_path, monkeypatch):
    """Scores of a file take their place."""
    from store import Database, Reader, Writer

    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(f"{CONFIGURATION}store: sqlite:///s.db\n")
    with Database(f"sqlite:///{tmp_path}/s.db") as database:
        Writer(database).write([window()])
    read = []
    monkeypatch.setattr(Reader, "summaries", lambda *_, **__: read.append(1) or [])
    (tmp_path / "scores.csv").write_text(",".join(COLUMNS) + "\n")
    assert main(["report", "c.yaml", "--scores", "scores.csv", "-o", "r.json"]) == 0
    assert not read
    assert main(["report", "c.yaml", "-o", "r.json"]) == 0
    assert read


def test_a_report_can_be_made_by_hand():
    """All of it has defaults but what it is about."""
    assert Report("t", (), None, None, (), (), ())._repr_html_()
