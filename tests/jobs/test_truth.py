"""Truth: when drifts began, as people and `tidemark simulate` write it, held against what was opened."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from config.plan import JobPlan, Plan, SinkPlan, SourcePlan, TimePlan
from jobs.truth import compare, read_truth
from operators.policy import MAX, add, advance
from schemas.errors import DataError
from tests.operators.changes import MINUTE, change
from tests.operators.panes import detection

HOUR = 60 * MINUTE
EVERY = TimePlan(kind="every", every_us=60_000_000, from_ms=HOUR)


def plan(time: TimePlan = EVERY) -> Plan:
    source = SourcePlan(name="predictions", kind="predictions", path="data.csv", time=time)
    model = detection().signals.model
    return Plan(job=JobPlan(), sources=(source,), events=SinkPlan(path="events.jsonl"), models=(model,))


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01T01:02:00Z\n1970-01-01T01:00:00.000Z\n",
        "0\n2\n",
        "0 1970-01-01T01:02:00Z",
        '["1970-01-01T01:02:00Z", 0]',
        '[{"time": "1970-01-01T01:02:00Z", "signal": "feature.age"}, {"time": "1970-01-01T01:00:00Z"}]',
    ],
)
def test_times_and_row_numbers(tmp_path, text):
    """One a line or in a JSON list, in any order; row i has the time that the source gives it."""
    file = tmp_path / "truth"
    file.write_text(text)
    assert read_truth(file, plan()) == (HOUR, HOUR + 2 * MINUTE)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"yesterday", "'yesterday' is neither a time nor a row number of a source with 'time: {{every}}'"),
        (b'["a", ', "is not a list of times or row numbers (Input data was truncated)"),
        (b'[{"when": 3}]', "is not a list of times or row numbers (an entry has no 'time')"),
        (b'{"time": 3}', "'{\"time\":' is neither a time nor a row number of a source with 'time: {{every}}'"),
        (b"[null]", "is not a list of times or row numbers (an entry is neither text, a number nor an object)"),
        (b"\xff\xfe", "is not a list of times or row numbers (it is not UTF-8)"),
    ],
)
def test_what_is_neither(tmp_path, data, error):
    """A message that names the file and what is wrong."""
    file = tmp_path / "truth"
    file.write_bytes(data)
    with pytest.raises(DataError) as raised:
        read_truth(file, plan())
    assert str(raised.value) == f"{file}: {error.replace('{{', '{').replace('}}', '}')}"


def test_a_row_number_needs_a_source_that_counts(tmp_path):
    """Elsewhere a whole number is not taken for seconds since 1970."""
    file = tmp_path / "truth"
    file.write_text("17424")
    with pytest.raises(DataError) as raised:
        read_truth(file, plan(TimePlan(kind="payload")))
    assert str(raised.value) == (
        f"{file}: '17424' is neither a time nor a row number of a source with 'time: {{every}}'"
    )


def test_a_missing_file(tmp_path):
    """Is named."""
    with pytest.raises(DataError) as raised:
        read_truth(tmp_path / "none", plan())
    assert str(raised.value) == f"{tmp_path / 'none'}: cannot be read (No such file or directory)"


def opened(*minutes: int) -> list[Any]:
    """Episodes that were opened then, and resolved a minute later."""
    states = {minute: "opened" for minute in minutes} | {minute + 1: "recovered" for minute in minutes}
    changes = [change(minute, state=state) for minute, state in states.items()]
    model = detection().signals.model
    return advance(model, JobPlan(), "", add(b"", changes), MAX - 1)[1]


@pytest.mark.parametrize(
    ("drifts", "episodes", "found", "false"),
    [
        ([10, 50], [15, 60], [15, 60], 0),
        ([10, 50], [5, 60, 70], [None, 60], 1),
        ([10, 50], [], [None, None], 0),
        ([], [5], [], 1),
        ([10, 50], [50], [None, 50], 0),
        ([10, 10, 50], [15], [15, 15, None], 0),  # two signals at once
    ],
)
def test_drifts_beside_episodes(drifts, episodes, found, false):
    """The first episode from a drift to the next one finds it; one before all drifts is false."""
    compared = compare([drift * MINUTE for drift in drifts], opened(*episodes))
    assert compared.found_ms == tuple(None if minute is None else minute * MINUTE for minute in found)
    assert compared.false == false


def test_a_comparison_is_a_table_and_numbers():
    """For people, and for programs."""
    compared = compare([10 * MINUTE, 50 * MINUTE, 80 * MINUTE], opened(5, 15, 90))
    assert str(compared) == (
        "drift                     found                     delay\n"
        "1970-01-01T00:10:00.000Z  1970-01-01T00:15:00.000Z  300 s\n"
        "1970-01-01T00:50:00.000Z  missed\n"
        "1970-01-01T01:20:00.000Z  1970-01-01T01:30:00.000Z  600 s\n"
        "found 2 of 3, missed 1, false 1"
    )
    assert json.loads(msgspec.json.encode(compared.as_dict())) == {
        "drifts": 3, "found": 2, "missed": 1, "false": 1, "delay_ms": 450_000
    }  # fmt: skip
