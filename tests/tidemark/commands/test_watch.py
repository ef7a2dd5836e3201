"""`tidemark watch`: whole output and exit status."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from confluent_kafka import Producer
from rich.console import Console

from jobs.topics import ensure_topic
from schemas.events import decode
from tests.consumers.events import DRIFT, MESSAGES, UNKNOWN
from tidemark import cli
from tidemark.commands import watch

CONFIG = """\
sources: {predictions: {path: data.jsonl}}
sinks: {events: {path: events.jsonl}}
models: {churn: {features: {age: numeric}}}
"""
EVENTS = [
    (MESSAGES / f"{name}.json").read_bytes().rstrip()
    for name in ("drift.opened", "stream.silent", "drift.updated", "stream.resumed", "drift.resolved")
]
LINES = [
    "2026-01-05T10:05:00.000Z opened critical churn/3/country=DE: "
    "feature.age moved up in country=DE: PSI 0.41 (alarm at 0.03) [d8a4a00a of 0fb51923]",
    "2026-01-05T10:15:00.000Z silent churn: churn: no records for 10 min, the last at 2026-01-05T10:05:00.000Z",
    "2026-01-05T10:10:00.000Z updated critical churn/3/country=DE: "
    "still drifting: feature.age moved up in country=DE: PSI 0.41 (alarm at 0.03); also feature.plan "
    "[d8a4a00a of 0fb51923]",
    "2026-01-05T10:47:00.000Z resumed churn: churn: records again after 42 min",
    "2026-01-05T12:05:00.000Z resolved critical churn/3/country=DE: "
    "feature.plan and feature.age are back to their reference in country=DE after 2 h 25 min [d8a4a00a of 0fb51923]",
]


@pytest.fixture
def config(tmp_path):
    (tmp_path / "monitors.yaml").write_text(CONFIG)
    (tmp_path / "events.jsonl").write_bytes(b"".join(event + b"\n" for event in EVENTS))
    return str(tmp_path / "monitors.yaml")


def test_elsewhere_than_on_a_terminal_events_are_lines(config, capsys):
    """A finished file is shown to its end."""
    assert cli.main(["watch", config]) == 0
    assert capsys.readouterr() == ("".join(f"{line}\n" for line in LINES), "")


def test_json_gives_the_events_as_they_were_written(config, capsys):
    """Byte for byte."""
    assert cli.main(["watch", config, "--json"]) == 0
    assert capsys.readouterr() == (b"".join(event + b"\n" for event in EVENTS).decode(), "")


def test_max_ends_after_so_many(config, capsys):
    """A script may wait for the first event."""
    assert cli.main(["watch", config, "--max", "2"]) == 0
    assert capsys.readouterr().out == "".join(f"{line}\n" for line in LINES[:2])


def test_latest_of_a_finished_file_is_nothing(config, capsys):
    """All of it was there before."""
    assert cli.main(["watch", config, "--from", "latest"]) == 0
    assert capsys.readouterr() == ("", "")


def test_what_is_skipped_is_said_at_the_end(config, tmp_path, capsys):
    """On stderr, so that a pipe gets events alone."""
    (tmp_path / "events.jsonl").write_bytes(b"?\n" + UNKNOWN + b"\n" + EVENTS[0] + b"\n")
    assert cli.main(["watch", config]) == 0
    assert capsys.readouterr() == (
        LINES[0] + "\n",
        "skipped events of types that this release does not know (io.tidemark.forecast.made 1) and "
        f"messages that are no events (1; the last at {tmp_path}/events.jsonl:1: "
        "event: JSON is malformed: invalid character (byte 0))\n",
    )


def test_control_characters_are_spelled_out(config, tmp_path, capsys):
    """What comes from records cannot steer a terminal or forge a line."""
    event = {**DRIFT, "subject": "churn/3/country=\x1b[2J\nDE"}
    (tmp_path / "events.jsonl").write_bytes(msgspec.json.encode(event))
    assert cli.main(["watch", config]) == 0
    assert capsys.readouterr().out == LINES[0].replace("country=DE:", "country=\\x1b[2J\\nDE:", 1) + "\n"


@pytest.mark.parametrize(
    ("words", "status", "err"),
    [
        (["none.yaml"], 2, None),
        (["monitors.yaml"], 2, "events.jsonl: is not there; the job makes it when it starts\n"),
        (["monitors.yaml", "--max", "0"], 2, None),
        (["monitors.yaml", "--from", "now"], 2, None),
    ],
)
def test_wrong_usage(words, status, err, config, tmp_path, monkeypatch, capsys):
    """Each is one message and a status, no traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.jsonl").unlink()
    assert cli.main(["watch", *words]) == status
    out, said = capsys.readouterr()
    assert out == ""
    assert said.endswith(err) if err else "Traceback" not in said


def test_the_table_has_a_row_per_episode_the_newest_last():
    """What is over is said to be over; a stream has a row of its own."""
    console = Console(file=io.StringIO(), width=100)
    console.print(watch._rows([decode(EVENTS[0]), decode(EVENTS[3]), decode(EVENTS[4])]))
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "",
        "  since              state      id         subject              what",
        " " + "─" * 98,
        "  2026-01-05 09:40   critical   d8a4a00a   churn/3/country=DE   feature.age moved up in country=D…",
        "  2026-01-05 10:05   resumed               churn                churn: records again after 42 min",
        "  2026-01-05 09:40   resolved   d8a4a00a   churn/3/country=DE   feature.plan and feature.age are …",
        "",
    ]


@pytest.mark.e2e
@pytest.mark.parametrize("terminal", [False, True], ids=["lines", "table"])
def test_ctrl_c_ends_with_status_0(terminal, broker, tmp_path):
    """On a topic that goes on for ever; what was shown stays."""
    topic = f"drift-events-{terminal}"
    ensure_topic(broker.client, topic)
    producer = Producer(broker.client)
    producer.produce(topic, EVENTS[0])
    producer.flush()
    config = tmp_path / "monitors.yaml"
    config.write_text(
        CONFIG.replace("{path: events.jsonl}", f"{{topic: {topic}}}") + f"kafka: {{bootstrap: {broker.bootstrap}}}\n"
    )
    command = [
        sys.executable,
        "-c",
        "import sys; from tidemark.cli import main; sys.exit(main())",
        "watch",
        str(config),
    ]
    ours, theirs = os.openpty() if terminal else os.pipe()
    with subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.PIPE, env={**os.environ, "COLUMNS": "120"}
    ) as process:
        os.close(theirs)
        shown = b""
        end = time.monotonic() + 120
        while b"feature.age moved up" not in shown and time.monotonic() < end:
            shown += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    os.close(ours)
    assert (process.returncode, err) == (0, b"")
    assert b"feature.age moved up in country=DE" in shown
