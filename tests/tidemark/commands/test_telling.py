"""`tidemark ack`, `mute` and `answer`: what they print, and what the job reads then."""

from __future__ import annotations

import msgspec
import pytest

from schemas import control
from schemas.control import Acknowledge, Mute, Reply
from tests.consumers.events import MESSAGES
from tidemark import cli

CONFIG = """\
sources: {predictions: {path: data.jsonl}}
sinks: {events: {path: events.jsonl}}
control: {path: told/control.jsonl}
models: {churn: {features: {age: numeric}}}
"""
EPISODE, REQUEST = "d8a4a00a168fd04438d912a542bc408c", "5b1f0f6a7c2e9d3848aa2c7be1d09f64"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monitors.yaml").write_text(CONFIG)
    events = [(MESSAGES / f"{name}.json").read_bytes() for name in ("drift.opened", "retrain.requested")]
    (tmp_path / "events.jsonl").write_bytes(b"".join(events))
    return tmp_path


def told(folder):
    return [control.decode(line) for line in (folder / "told" / "control.jsonl").read_bytes().splitlines()]


def test_each_command_is_a_line_that_the_job_reads(folder, capsys):
    """Ids may be begun; the time is now or as given."""
    at = ["--at", "2026-01-05T10:12:00Z", "--by", "ann"]
    assert cli.main(["ack", "d8a4", "--as", "harmless", "--why", "campaign", *at]) == 0
    assert cli.main(["mute", "churn", "--for", "2h", *at]) == 0
    assert cli.main(["mute", "churn", "--off", "--by", ""]) == 0
    assert cli.main(["answer", REQUEST, "accepted", *at]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"episode {EPISODE} of churn 3 is harmless: feature.age moved up in country=DE: PSI 0.41 (alarm at 0.03)",
        "churn is muted for 2 h",
        "churn is not muted any more",
        f"request {REQUEST} of churn 3 is accepted",
    ]
    events = told(folder)
    assert [event.data for event in events] == [
        Acknowledge(model="churn", episode=EPISODE, as_="harmless", by="ann", why="campaign"),
        Mute(model="churn", for_ms=7_200_000, by="ann"),
        Mute(model="churn", for_ms=0),
        Reply(model="churn", request=REQUEST, answer="accepted", by="ann"),
    ]
    assert [event.time for event in events if event.data.by] == ["2026-01-05T10:12:00.000Z"] * 3
    assert len({event.id for event in events}) == 4


def test_of_an_episode_that_is_over_nothing_follows(folder, capsys):
    """It is said, and recorded all the same."""
    (folder / "events.jsonl").write_bytes((MESSAGES / "drift.resolved.json").read_bytes())
    assert cli.main(["ack", EPISODE]) == 0
    assert capsys.readouterr().out.endswith("it is over already (recovered): nothing follows from it\n")
    assert len(told(folder)) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ack", "d8a"], "'d8a' is too short for the beginning of an id (at least 4 characters)"),
        (["ack", "ffff"], "there is no episode 'ffff' among the events; 'tidemark watch CONFIG' shows their ids"),
        (["answer", "d8a4a00a", "failed"], "there is no request 'd8a4a00a' among the events; 'tidemark watch CONFIG' "
         "shows their ids"),
        (["mute", "x", "--for", "1 h"], "there is no model 'x' (there are: churn)"),
        (["mute", "churn"], "give either --for DURATION or --off"),
        (["mute", "churn", "--for", "soon"], "--for: 'soon' is not a duration (a number and ms, s, min, h, days or "
         "weeks, as in '5 min')"),
        (["mute", "churn", "--off", "--at", "soon"], "--at: 'soon' is not a time (RFC 3339, as in "
         "'2026-01-31T12:00:00Z')"),
    ],
)  # fmt: skip
def test_wrong_usage(words, message, folder, capsys):
    """Each is one message, and nothing is told."""
    assert cli.main(words) == 2
    assert capsys.readouterr().err == message + "\n"
    assert not (folder / "told").exists()


def test_several_ids_that_begin_so(folder, capsys):
    """They are listed."""
    event = msgspec.json.decode((MESSAGES / "drift.opened.json").read_bytes())
    other = {**event, "data": {**event["data"], "episode": "d8a4ffff"}}
    (folder / "events.jsonl").write_bytes(msgspec.json.encode(event) + b"\n" + msgspec.json.encode(other) + b"\n")
    assert cli.main(["ack", "d8a4"]) == 2
    said = f"'d8a4' is the beginning of 2 episodes ({EPISODE}, d8a4ffff); give more of it\n"
    assert capsys.readouterr().err == said


def test_a_job_without_control(folder, capsys):
    """It says how to have it."""
    (folder / "monitors.yaml").write_text(CONFIG.replace("control: {path: told/control.jsonl}\n", ""))
    assert cli.main(["ack", EPISODE]) == 2
    assert capsys.readouterr().err == (
        "control: is not configured; give 'control: {topic: drift-control}', and start the job again\n"
    )
