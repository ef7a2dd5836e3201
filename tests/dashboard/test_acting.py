from __future__ import annotations

import dataclasses

import pytest

from dashboard.acting import LONGEST_WHY, NOBODY, of_episode, on_episode, told
from dashboard.shown import Query
from schemas.control import Acknowledge, Mute
from schemas.errors import BrokerError
from tests.store.messages import drift


@pytest.fixture
def acting(shop):
    """Sends a form of an episode; gives what is said, and what the job was told."""
    writer, findings = shop
    heard = []
    findings = dataclasses.replace(findings, tell=heard.append)

    def send(message, **sent):
        writer.write([message])
        id = message.read.data.episode
        said = told(findings, lambda fields: of_episode(findings, id, fields), sent, "ada")
        return said, heard

    return send


@pytest.mark.parametrize("judgement", ["real", "harmless", "false"])
def test_an_episode_is_acknowledged(acting, judgement):
    """With who says it and why."""
    opened = drift()
    said, heard = acting(opened, button=judgement, why=" campaign ")
    assert said.startswith("The job is told")
    assert heard == [
        Acknowledge(model="churn", episode=opened.read.data.episode, as_=judgement, by="ada", why="campaign")
    ]


def test_an_episode_is_accepted_as_it_is_now(acting):
    """Its signals are those of its newest event."""
    opened = drift()
    _, (accepted,) = acting(opened, button="accept", why="prices")
    assert (accepted.signals, accepted.seen, accepted.by) == (("feature.age",), opened.read.time, "ada")


def test_a_model_is_muted_and_not_any_more(acting):
    """For as long as was chosen."""
    acting(drift(), button="mute", **{"for": "2 h"})
    _, heard = acting(drift(), button="unmute", why="over")
    assert heard == [
        Mute(model="churn", for_ms=7_200_000, by="ada"),
        Mute(model="churn", for_ms=0, by="ada", why="over"),
    ]


@pytest.mark.parametrize(
    ("message", "sent", "said"),
    [
        (drift(), {"button": "accept"}, "say why"),
        (drift("resolved"), {"button": "accept", "why": "x"}, "the episode is over already (recovered)"),
        (drift(kind="performance"), {"button": "accept", "why": "x"}, "it cannot be accepted"),
        (drift("resolved"), {"button": "undo", "why": "x"}, "was not accepted (recovered)"),
        (drift(), {"button": "mute", "for": "99 years"}, "'99 years' is not how long to mute a model here (2 h, "),
        (drift(), {"button": "mute"}, "'' is not how long"),
        (drift(), {"button": "delete"}, "'delete' is nothing that a page can ask for"),
        (drift(), {}, "'' is nothing that a page can ask for"),
    ],
)
def test_what_cannot_be_done_is_said(acting, message, sent, said):
    """And the job is told nothing; what comes from a browser is looked at again."""
    answer, heard = acting(message, **sent)
    assert answer.startswith("Not done: ")
    assert said in answer
    assert heard == []


def test_a_broker_that_is_away_is_said(shop):
    """Nobody is left in the belief that it was told."""
    writer, findings = shop
    opened = drift()
    writer.write([opened])

    def away(command):
        raise BrokerError("kafka localhost:1: the message was not taken (no answer); is the broker running?")

    findings = dataclasses.replace(findings, tell=away)
    said = told(findings, lambda sent: of_episode(findings, opened.read.data.episode, sent), {"button": "real"}, "ada")
    assert said.startswith("Not done: kafka localhost:1: the message was not taken")


def test_reasons_are_cut(acting):
    """A page is no place for a novel."""
    _, (said,) = acting(drift(), button="real", why="x" * 10_000)
    assert len(said.why) == LONGEST_WHY


def test_who_sends_something_else_than_a_form(acting, shop):
    """Anything may come from a browser."""
    writer, findings = shop
    opened = drift()
    writer.write([opened])
    findings = dataclasses.replace(findings, tell=print)
    for sent in (None, [], "real", {"button": ["real"]}):
        said = told(findings, lambda fields: of_episode(findings, opened.read.data.episode, fields), sent, NOBODY)
        assert "is nothing that a page can ask for" in said


def test_what_can_be_done_follows_the_episode(shop):
    """The form is made anew when it changes."""
    _, findings = shop
    assert on_episode(findings, Query({}), drift().read) == ()
    findings = dataclasses.replace(findings, tell=print)
    (open_one,) = on_episode(findings, Query({}), drift().read)
    (over,) = on_episode(findings, Query({}), drift("resolved").read)
    assert open_one.name != over.name
