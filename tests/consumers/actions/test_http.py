"""`http`, and what all actions over HTTP have in common."""

from __future__ import annotations

import base64
import socket
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import msgspec
import pytest

from consumers.subscriber import Counts
from schemas.events import encode
from tests.consumers.actions.acting import act
from tests.consumers.actions.server import serving, slow
from tidemark.testing import drift_event, retrain_event

EVENT = retrain_event()


def test_the_event_is_sent_as_it_is(tmp_path):
    """A CloudEvent in structured mode, with its id as idempotency key."""
    with serving(202) as server:
        counts, _ = act(tmp_path, f"http: '{server.address}/hook?x=1'", EVENT)
    assert counts == Counts(handled=1)
    [asked] = server.asked
    assert (asked.method, asked.path) == ("POST", "/hook?x=1")
    assert asked.headers["content-type"] == "application/cloudevents+json"
    assert asked.headers["idempotency-key"] == EVENT.id
    assert asked.json == msgspec.json.decode(encode(EVENT))


def test_a_body_and_headers_of_ones_own(tmp_path):
    """A template that is one expression keeps its type; a secret is put in as it is, whatever is in it."""
    action = """http: {url: "ADDRESS/{{ event.data.model }}", method: PUT,
      headers: {authorization: "Bearer ${TOKEN}", Idempotency-Key: "x-{{ event.id }}"},
      body: {samples: "{{ event.data.train_on.samples }}", n: 3, on: [yes, "{{ event.data.version }}"],
        span: "{{ event.data.train_on }}", text: "{% if event.data.enough %}go{% endif %} $${X}", token: "${TOKEN}"}}"""
    with serving(200) as server:
        action = " ".join(action.replace("ADDRESS", server.address).split())
        counts, _ = act(tmp_path, action, EVENT, TOKEN="{{ 7 * 7 }}")
    assert counts == Counts(handled=1)
    [asked] = server.asked
    assert (asked.method, asked.path) == ("PUT", "/churn")
    assert asked.headers["idempotency-key"] == f"x-{EVENT.id}"
    body = asked.json
    assert body.pop("span")["samples"] == 12_000
    assert body == {"samples": 12_000, "n": 3, "on": ["yes", "3"], "text": "go ${X}", "token": "{{ 7 * 7 }}"}


def test_name_and_password(tmp_path):
    """Basic authentication."""
    with serving(200) as server:
        act(tmp_path, f"http: {{url: '{server.address}', username: '${{USER}}', password: '${{TOKEN}}'}}", EVENT)
    assert server.asked[0].headers["authorization"] == "Basic " + base64.b64encode(b"me:t0psecret").decode()


def test_an_endpoint_that_is_not_well_is_asked_again(tmp_path):
    """With the same idempotency key, until it is."""
    with serving(500, 503, 408, 200) as server:
        counts, topic = act(tmp_path, f"http: '{server.address}'", EVENT)
    assert counts == Counts(handled=1)
    assert {asked.headers["idempotency-key"] for asked in server.asked} == {EVENT.id}
    assert len(topic.waits) == 3


@pytest.mark.parametrize("how", ["seconds", "date", "nonsense"])
def test_a_rate_limit_says_when_to_come_back(how, tmp_path):
    """In seconds or as a date; what cannot be read is left to our own waits."""
    later = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=42), usegmt=True)
    told = {"seconds": "42", "date": later, "nonsense": "soon"}[how]
    with serving((429, "slow down", {"Retry-After": told}), 200) as server:
        counts, topic = act(tmp_path, f"http: '{server.address}'", EVENT)
    assert counts == Counts(handled=1)
    assert topic.waits[0] < 2 if how == "nonsense" else 39 <= topic.waits[0] <= 42


@pytest.mark.parametrize("status", [301, 400, 401, 404, 422])
def test_a_refusal_is_not_repeated(status, tmp_path):
    """What the server said is in the dead letter; a redirection is a refusal too: secrets stay where they were sent."""
    with serving((status, "no\nsuch t0psecret hook", {"Location": "http://elsewhere"})) as server:
        counts, topic = act(tmp_path, f"http: {{url: '{server.address}/${{TOKEN}}'}}", EVENT)
    assert counts == Counts(dead=1)
    assert len(server.asked) == 1
    assert topic.dead[0][1].error == f"POST {server.address}: HTTP {status}: no such *** hook"


def test_an_endpoint_that_is_down_is_waited_for(tmp_path):
    """Until `retry` is over, then it is a dead letter; the secret part of its address is nowhere."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        counts, topic = act(tmp_path, f"http: '{address}/${{TOKEN}}'", EVENT, within_s=3600)
    assert counts == Counts(dead=1)
    assert 3500 < sum(topic.waits) <= 3600
    assert topic.dead[0][1].error == f"POST {address}: [Errno 111] Connection refused"


def test_an_endpoint_that_is_slow_is_left(tmp_path):
    """Also one that answers a byte at a time."""
    with serving(slow(2), 200) as server:
        began_s = time.monotonic()
        counts, topic = act(tmp_path, f"http: {{url: '{server.address}', timeout: 300 ms}}", EVENT)
    assert counts == Counts(handled=1)
    assert time.monotonic() - began_s < 2
    assert len(topic.waits) == 1


def test_a_template_that_fails_for_this_event_only(tmp_path):
    """A dead letter, not a retry; the next event is acted on."""
    action = "http: {url: '%s', body: {first: '{{ event.data.segment[\"country\"] }}'}}"
    with serving(200) as server:
        counts, topic = act(tmp_path, action % server.address, drift_event(), drift_event(segment={"country": "DE"}))
    assert counts == Counts(handled=1, dead=1)
    assert topic.waits == []
    assert topic.dead[0][1].error == (
        "template '{{ event.data.segment[\"country\"] }}': 'dict object' has no attribute 'country'"
    )


def test_templates_cannot_leave_their_box(tmp_path):
    """They see the event, and nothing of Python's."""
    action = "http: {url: '%s', body: {x: '{{ event.__class__.__mro__ }}'}}"
    with serving(200) as server:
        counts, topic = act(tmp_path, action % server.address, EVENT)
    assert counts == Counts(dead=1)
    assert "access to attribute '__class__' of 'dict' object is unsafe" in topic.dead[0][1].error
    assert server.asked == []


def test_logs_show_no_secret(tmp_path, caplog):
    """However much is logged: the address of a hook is one."""
    caplog.set_level("DEBUG")
    with serving(503, 200) as server:
        act(tmp_path, f"http: {{url: '{server.address}/${{TOKEN}}', headers: {{authorization: '${{TOKEN}}'}}}}", EVENT)
    assert len(server.asked) == 2
    assert "t0psecret" not in caplog.text


def test_a_secret_does_not_come_out_in_any_form(tmp_path):
    """Neither as it is, nor quoted for an address, nor as the server had it in a header."""

    def echo(asked):
        return 400, f"{asked.headers['authorization']} {asked.path} a b&c"

    with serving(echo) as server:
        action = f"http: {{url: '{server.address}/', username: me, password: '${{TOKEN}}'}}"
        _, topic = act(tmp_path, action, EVENT, TOKEN="a b&c")
    assert topic.dead[0][1].error == f"POST {server.address}: HTTP 400: Basic *** / ***"
