"""`command`: a program with the event on its standard input."""

from __future__ import annotations

import time

import msgspec

from consumers.subscriber import Counts
from schemas.events import encode
from tests.consumers.actions.acting import act
from tidemark.testing import retrain_event

EVENT = retrain_event()


def program(folder, text):
    file = folder / "program.sh"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_it_gets_the_event_and_its_key(tmp_path):
    """Words may be templates; no shell looks at them."""
    program(tmp_path, 'cat > event; echo "$1 $TIDEMARK_IDEMPOTENCY_KEY $SECRET $PWD" > words')
    action = "command: {run: [./program.sh, '{{ event.data.model }}; $(rm x)'], env: {SECRET: '${TOKEN}'}, dir: .}"
    counts, _ = act(tmp_path, action, EVENT)
    assert counts == Counts(handled=1)
    assert msgspec.json.decode((tmp_path / "event").read_bytes()) == msgspec.json.decode(encode(EVENT))
    assert (tmp_path / "words").read_text() == f"churn; $(rm x) {EVENT.id} t0psecret {tmp_path}\n"


def test_one_that_fails_is_run_again(tmp_path):
    """What it said at last is told, without secrets."""
    program(tmp_path, "cat > /dev/null; echo x >> tries; echo no t0psecret >&2; exit 3")
    action = "command: {run: ./program.sh, env: {SECRET: '${TOKEN}'}}"
    counts, topic = act(tmp_path, action, EVENT, within_s=5)
    assert counts == Counts(dead=1)
    tries = (tmp_path / "tries").read_text().split()
    assert len(tries) == len(topic.waits) + 1 >= 3
    assert topic.dead[0][1].error == "./program.sh: ended with 3: no ***"


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path):
    """And is tried again."""
    program(tmp_path, "[ -e once ] && exit 0; touch once; sleep 1000 & echo $! > child; sleep 1000")
    counts, topic = act(tmp_path, "command: {run: ./program.sh, timeout: 500 ms}", EVENT)
    assert counts == Counts(handled=1)
    assert len(topic.waits) == 1
    child = (tmp_path / "child").read_text().strip()
    end = time.monotonic() + 10
    while _alive(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_that_is_not_there(tmp_path):
    """No use in trying again."""
    counts, topic = act(tmp_path, "command: nosuchprogram --now", EVENT)
    assert (counts, topic.waits) == (Counts(dead=1), [])
    assert topic.dead[0][1].error == "nosuchprogram: No such file or directory"
