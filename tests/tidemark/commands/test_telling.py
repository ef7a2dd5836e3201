"""`tidemark ack`, `accept`, `mute` and `answer`: what they print, and what the job reads then."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from confluent_kafka import Consumer, Producer

from jobs.topics import ensure_topic
from schemas import control
from schemas.control import Accept, Acknowledge, Mute, Reply
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
        f"episode {EPISODE} of churn 3 (feature.age in country=DE, since 2026-01-05 09:40) is harmless",
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
        (["ack", "ffff"], "there is no episode or incident 'ffff' among the events; "
         "'tidemark watch CONFIG' shows their ids"),
        (["answer", "d8a4a00a", "failed"], "there is no request 'd8a4a00a' among the events; 'tidemark watch CONFIG' "
         "shows their ids"),
        (["mute", "x", "--for", "1 h"], "there is no model 'x' (there are: churn)"),
        (["backtest", "monitors.yaml", "--control", "none.jsonl"], "--control none.jsonl: is not there"),
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


def test_an_episode_is_accepted_as_it_was_known(folder, capsys):
    """With whose it is and what was open by the newest event, of the time that is given or before."""
    later = msgspec.json.decode((MESSAGES / "drift.opened.json").read_bytes())
    later["time"] = "2026-01-05T11:00:00.000Z"
    later["data"]["signals"][0]["signal"] = "feature.income"
    with (folder / "events.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(later) + b"\n")
    assert cli.main(["accept", "d8a4", "--why", "prices", "--at", "2026-01-05T10:12:00Z", "--by", "ann"]) == 0
    assert cli.main(["accept", "d8a4", "--why", "no", "--undo", "--by", ""]) == 0
    first, undone = (event.data for event in told(folder))
    assert first == Accept(
        model="churn",
        version="3",
        segment={"country": "DE"},
        kind="feature",
        episode=EPISODE,
        signals=("feature.age",),
        seen="2026-01-05T10:05:00.000Z",
        by="ann",
        why="prices",
    )
    assert (undone.undo, undone.signals, undone.seen) == (True, ("feature.income",), later["time"])
    hint = "'tidemark watch' shows what the job makes of it: rebased, restored or refused"
    assert capsys.readouterr().out.splitlines() == [
        f"episode {EPISODE} of churn 3 (feature.age in country=DE, since 2026-01-05 09:40) is to be the new normal",
        hint,
        f"episode {EPISODE} of churn 3 (feature.income in country=DE, since 2026-01-05 09:40) is to be compared with "
        "the profile again",
        hint,
    ]


def test_what_cannot_be_accepted(folder, capsys):
    """An episode that is over, or about what has no profile; nothing is told."""
    over = (MESSAGES / "drift.resolved.json").read_bytes()
    measured = msgspec.json.decode((MESSAGES / "drift.opened.json").read_bytes())
    measured["data"] |= {"kind": "performance", "episode": "beef0000"}
    (folder / "events.jsonl").write_bytes(over + msgspec.json.encode(measured) + b"\n")
    assert cli.main(["accept", EPISODE, "--why", "x"]) == 2
    assert cli.main(["accept", "beef", "--why", "x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"episode {EPISODE} is over already (recovered): there is nothing to accept",
        "episode beef0000 is about performance, which is not compared with a profile: it cannot be accepted",
    ]
    assert not (folder / "told").exists()


def test_several_ids_that_begin_so(folder, capsys):
    """They are listed."""
    event = msgspec.json.decode((MESSAGES / "drift.opened.json").read_bytes())
    other = {**event, "data": {**event["data"], "episode": "d8a4ffff"}}
    (folder / "events.jsonl").write_bytes(msgspec.json.encode(event) + b"\n" + msgspec.json.encode(other) + b"\n")
    assert cli.main(["ack", "d8a4"]) == 2
    said = f"'d8a4' is the beginning of 2 ids ({EPISODE}, d8a4ffff); give more of it\n"
    assert capsys.readouterr().err == said


def test_a_whole_incident(folder, capsys):
    """Its id stands for its episodes: those that are not over are acknowledged, those that can be are accepted."""
    opened, over = (
        msgspec.json.decode((MESSAGES / f"drift.{what}.json").read_bytes()) for what in ("opened", "resolved")
    )
    incident = opened["data"]["incident"]
    first = {"episode": "aaaa0000", "kind": "prediction"}
    second = {"episode": "bbbb0000", "kind": "performance"}
    events = [{**opened, "data": {**opened["data"], **more}} for more in (first, {}, second)] + [over]
    (folder / "events.jsonl").write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    said = "of churn 3 (feature.age in country=DE, since 2026-01-05 09:40) is real"
    assert cli.main(["ack", incident[:8]]) == 0
    assert capsys.readouterr().out.splitlines() == [f"episode aaaa0000 {said}", f"episode bbbb0000 {said}"]
    assert cli.main(["accept", incident, "--why", "prices"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"episode aaaa0000 {said.replace('real', 'to be the new normal')}",
        f"episode {EPISODE} is over already (recovered): there is nothing to accept",
        "episode bbbb0000 is about performance, which is not compared with a profile: it cannot be accepted",
        "'tidemark watch' shows what the job makes of it: rebased, restored or refused",
    ]
    acked = [(type(event.data), event.data.episode) for event in told(folder)]
    assert acked == [(Acknowledge, "aaaa0000"), (Acknowledge, "bbbb0000"), (Accept, "aaaa0000")]


def test_a_whole_incident_is_undone(folder, capsys):
    """That is, those of its episodes that were accepted."""
    event = msgspec.json.decode((MESSAGES / "drift.resolved.json").read_bytes())
    accepted = {**event, "data": {**event["data"], "episode": "aaaa0000", "why": "accepted"}}
    (folder / "events.jsonl").write_bytes(msgspec.json.encode(event) + b"\n" + msgspec.json.encode(accepted) + b"\n")
    assert cli.main(["accept", event["data"]["incident"], "--undo", "--why", "no"]) == 0
    assert [one.data.episode for one in told(folder)] == ["aaaa0000"]
    assert f"episode {EPISODE} was not accepted (recovered): there is nothing to undo" in capsys.readouterr().out


def test_a_job_without_control(folder, capsys):
    """It says how to have it."""
    (folder / "monitors.yaml").write_text(CONFIG.replace("control: {path: told/control.jsonl}\n", ""))
    assert cli.main(["ack", EPISODE]) == 2
    assert capsys.readouterr().err == (
        "control: is not configured; give 'control: {topic: drift-control}', and start the job again\n"
    )


@pytest.mark.e2e
def test_on_a_topic(folder, broker, capsys):
    """The episode is found among the events of the topic, and each command is a message with the model as its key."""
    events, told = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("events", "control"))
    text = CONFIG.replace("events: {path: events.jsonl}", f"events: {{topic: {events}}}")
    text = text.replace("control: {path: told/control.jsonl}", f"control: {{topic: {told}}}")
    (folder / "monitors.yaml").write_text(f'kafka: {{bootstrap: "{broker.client["bootstrap.servers"]}"}}\n{text}')
    for name in (events, told):
        ensure_topic(broker.client, name, 2)
    producer = Producer(broker.client)
    producer.produce(events, (MESSAGES / "drift.opened.json").read_bytes(), b"churn")
    producer.flush(10)
    assert cli.main(["ack", "d8a4", "--as", "false", "--by", "ann"]) == 0
    assert cli.main(["mute", "churn", "--for", "2h", "--by", "ann"]) == 0
    assert cli.main(["accept", "0fb51923", "--why", "prices", "--by", "ann"]) == 0
    assert capsys.readouterr().err == ""
    consumer = Consumer({**broker.client, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe([told])
    found = []
    while len(found) < 3:
        if (message := consumer.poll(30)) is None:
            break
        found.append((message.key(), control.decode(message.value()).data))
    consumer.close()
    assert [key for key, _ in found] == [b"churn"] * 3
    assert {type(command): command.by for _, command in found} == dict.fromkeys((Acknowledge, Mute, Accept), "ann")
