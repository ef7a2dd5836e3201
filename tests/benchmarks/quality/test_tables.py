"""Tables and the page: every contender is named, with what it said or with why it said nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality import page, simulated, tables
from benchmarks.quality.comparison import Results
from benchmarks.quality.contenders import NAMES
from benchmarks.quality.measures import Alarms, Score
from benchmarks.quality.streams import Stream, Truth
from benchmarks.quality.tuning import Row


@pytest.fixture
def results():
    """Two contenders have seen a shift and a calm stream; one could not be installed."""
    found = Results()
    calm, shift = simulated.stream("normal", "none", 0, 1), simulated.stream("normal", "shift 1 sd", 0, 1)
    start = shift.truths[0].start
    found.said["Tidemark"] += [(calm, Alarms(())), (shift, Alarms((start + 100,), (start + 3,), 0.5, 1_000_000))]
    found.said["river ADWIN"] += [(calm, Alarms((1_000, 9_000))), (shift, Alarms((start + 64,)))]
    found.errors["NannyML"]["no matching distribution"] += 2
    found.skipped.append("NAB: no folder nab among the data")
    return found


def test_the_summary_names_all_contenders(results):
    """In their order; who said nothing has no numbers."""
    lines = {line[0]: line[1:] for line in tables.summary(results).rows}
    assert tuple(lines) == NAMES
    calm = 28_800 + simulated.stream("normal", "shift 1 sd", 0, 1).truths[0].start
    assert lines["Tidemark"][:7] == ("2", "0.00", f"0.00 to {3.689 * 28_800 / calm:.2f}", "100%", "0%", "100", "3")
    assert lines["Tidemark"][7] == f"at least {calm / 100:,.1f}"
    assert lines["Tidemark"][8] == "0.5"
    assert lines["river ADWIN"][5] == "64"
    assert lines["river ADWIN"][7] == f"{calm / 2 / 64:,.1f}"
    assert lines["NannyML"][:4] == ("0", "-", "-", "-")


def test_who_said_nothing_is_named_with_the_reason(results):
    """And so are data sets that are not there."""
    assert tables.missing(results).rows == (
        ("NannyML", "2", "no matching distribution"),
        ("all", "-", "skipped, NAB: no folder nab among the data"),
    )


def test_ranks_are_by_mean_time_ratio_and_equal_ones_are_alike():
    """Then by what was found, by false episodes and by delay."""
    first, second = Score(quiet=100, false=1, drifts=1, delays=[10]), Score(quiet=100, false=1, drifts=1, delays=[20])
    assert tables.ranks([second, first, second, Score(quiet=100, drifts=1)]) == [2, 1, 2, 4]


def _real(group: str, truths: tuple[Truth, ...]) -> Stream:
    rows = np.zeros((1_000, 2))
    return Stream(group, group, "real", rows, rows, truths, window=100, named=(False, True), prolonged=150)


def test_ranks_on_real_sets_are_in_one_table():
    """A set without known drifts has no column."""
    found, one, calm = Results(), _real("SEA", (Truth(500, 1_000),)), _real("SEA, stationary", ())
    for name, delay in (("Tidemark", 300), ("Evidently", 100), ("NannyML", 200)):
        found.said[name].append((one, Alarms((500 + delay,))))
    shown = {table.title: table for table in tables.of_sets(found)}
    assert {row[0]: row[1] for row in shown["Ranks on real sets"].rows if row[1] != "-"} == {
        "Tidemark": "3", "Evidently": "1", "NannyML": "2",
    }  # fmt: skip
    assert shown["SEA"].note.startswith(
        "Everybody saw 1 numeric and 1 categorical column; references of 1,000 rows, then 1,000, windows of 100. By MTR"
    )
    found.said["Tidemark"].append((replace(calm, judged=False), Alarms((3,))))
    assert tables.of_sets(found)[0].head == ("contender", "SEA")


def test_the_page_is_whole_by_itself(results):
    """No script, style or picture is loaded; every table is in it, and our own bars stand out."""
    row = Row("Tidemark", "Tidemark", "none", Score(quiet=10), Score(drifts=1, delays=[90]))
    shown = [tables.summary(results), *tables.by_change(results), tables.equal([row]), tables.missing(results)]
    made = page.html(shown, results, [row], ["a <note>"])
    assert "src=" not in made
    assert "href=" not in made
    assert made.count("<table>") == len(shown)
    assert "a &lt;note&gt;" in made
    assert page.OWN in made


def test_bars_differ_by_their_values():
    """On a logarithmic scale; 0 has no bar."""
    drawn = page.bars("t", [("a", 10.0), ("b", 1.0), ("c", 0.0), ("d", None)])
    assert drawn.count("<rect") == 4
    assert drawn.count("width='0.0'") == 2
    assert page.bars("t", [("a", None)]) == ""
