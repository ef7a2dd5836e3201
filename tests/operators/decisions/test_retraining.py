"""Retraining: what is asked for when, told through the policy, whatever the order of arrival."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import msgspec
import pytest

from config.plan import AlarmsPlan, FeaturePlan, JobPlan, LabelsPlan, MetricPlan, ModelPlan, RetrainPlan, WindowPlan
from operators.decisions.outputs import LabelsCame, Measures, Places, Progress, Rebased, Told
from operators.decisions.policies import compare
from operators.policy import add, advance
from schemas.cloudevents import milliseconds, timestamp
from schemas.control import Accept, Acknowledge, Mute, Reply
from schemas.events import Effect, Moments, RetrainEvent, encode
from tests.operators.changes import MINUTE, change

JOB = JobPlan(name="churn-monitor", environment="prod")
RETRAIN = RetrainPlan(
    when=("performance",),
    severity="warning",
    blocked_by=("quality",),
    min_samples=500,
    max_wait_ms=60 * MINUTE,
    cooldown_ms=30 * MINUTE,
    expires_ms=20 * MINUTE,
)
PLAN = ModelPlan(
    name="churn",
    window=WindowPlan(size_ms=10 * MINUTE, slide_ms=MINUTE, min_count=1, grow_to_ms=20 * MINUTE),
    alarms=AlarmsPlan(
        budget=1, period_ms=30 * 86_400_000, confirm=2, recover=3, min_effect="small", critical="large"
    ),
    features=(FeaturePlan(name="age", type="numeric"),),
    retrain=RETRAIN,
)  # fmt: skip
END = 10**15
SCRATCH = "; train from scratch: performance has fallen and inputs have not drifted"
UPDATE = "; update the model: inputs are as the reference has them"


def plan(labels=False, **settings):
    more = {"labels": LabelsPlan(within_ms=60 * MINUTE)} if labels else {}
    return msgspec.structs.replace(PLAN, retrain=msgspec.structs.replace(RETRAIN, **settings), **more)


def progress(*minutes, records=100, version="3", role="champion"):
    return [
        Progress(time_ms=minute * MINUTE, model="churn", version=version, records=records, role=role)
        for minute in minutes
    ]


def worse(minute, state="opened", **more):
    return change(minute, "performance.accuracy", state, kind="performance", **more)


def spoiled(minute, state="opened", **more):
    return change(minute, "quality.missing.age", state, kind="quality", **more)


def told(outputs, model=PLAN, restart_every=None, seed=None):
    """Events, in one go or in steps between which the state is kept as bytes."""
    if restart_every is None:
        return advance(model, JOB, "sha256:2", add(b"", outputs), END)[1]
    state, events = b"", []
    newest = max(output.time_ms for output in outputs)
    for until_ms in range(0, newest + restart_every, restart_every):
        new = [output for output in outputs if until_ms < output.time_ms <= until_ms + restart_every]
        Random(seed).shuffle(new)
        state, more = advance(model, JOB, "sha256:2", add(bytes(bytearray(state)), new), until_ms + restart_every)
        events += more
    return events


def asked(events):
    """Of the retrain events: minute, what, and what makes the difference."""
    return [
        (milliseconds(event.time) // MINUTE, event.type.rpartition(".")[2])
        for event in events
        if isinstance(event, RetrainEvent)
    ]


def of_type(events, what):
    (found,) = (event for event in events if event.type == f"io.tidemark.retrain.{what}")
    return found


def test_a_request_names_the_data_since_the_onset():
    """From the first slide after it to now, with counts and offsets; the episode was told before."""
    places = [
        Places(time_ms=minute * MINUTE, topic="p", offsets={0: (minute * 10, minute * 10 + 9)})
        for minute in range(1, 31)
    ]
    outputs = [*progress(*range(1, 31)), *places, worse(20, onset=12)]
    events = told(outputs)
    assert [event.type.rpartition(".")[2] for event in events] == ["opened", "requested"]
    data = events[1].data
    assert (data.trigger, data.severity, data.enough, data.scope) == ("drift", "critical", True, ({},))
    assert [(reason.episode, reason.signals) for reason in data.reasons] == [
        (events[0].data.episode, ("performance.accuracy",))
    ]
    assert msgspec.to_builtins(data.train_on) == {
        "from": timestamp(12 * MINUTE),
        "to": timestamp(20 * MINUTE),
        "exclude": (),
        "samples": 800,
        "labelled": None,
        "offsets": ({"topic": "p", "partition": 0, "from": 130, "to": 209},),
    }
    assert data.expires == timestamp(40 * MINUTE)
    assert data.message == (
        "retrain churn 3 because of performance.accuracy: 800 records since 1970-01-01 00:12" + SCRATCH
    )  # fmt: skip


def test_an_onset_within_a_slide_leaves_that_slide_out():
    """Of its records nobody knows which came after the onset."""
    outputs = [*progress(*range(1, 31)), worse(20, onset_ms=12 * MINUTE + 1)]
    assert of_type(told(outputs), "requested").data.train_on.samples == 700


def test_waiting_says_what_is_missing_and_when_it_will_be_there():
    """700 of 1,000 at 100 a minute: in three minutes."""
    events = told([*progress(*range(1, 31)), worse(20, onset=13)], plan(min_samples=1000))
    assert asked(events) == [(20, "waiting"), (23, "requested")]
    waiting = of_type(events, "waiting").data
    assert msgspec.to_builtins(waiting.waiting) == {
        "samples": 300,
        "per_hour": 6000.0,
        "forecast": timestamp(23 * MINUTE),
        "until": timestamp(80 * MINUTE),
    }
    assert waiting.request == of_type(events, "requested").data.request
    assert waiting.message == (
        "300 more records are needed to retrain churn 3 because of performance.accuracy: there will be enough at "
        "1970-01-01 00:23, it is waited for until 1970-01-01 01:20" + SCRATCH
    )


def test_where_there_are_labels_they_are_what_is_waited_for():
    """By when was predicted, not by when the label came; of a sample as many as it stands for."""
    labels = [LabelsCame(time_ms=minute * MINUTE, predicted={(minute - 5) * MINUTE: 40}) for minute in range(6, 41)]
    model = plan(labels=True)
    events = told([*progress(*range(1, 41)), *labels, worse(20, onset=12)], model)
    assert asked(events)[:2] == [(20, "waiting"), (30, "requested")]
    waiting = of_type(events, "waiting").data
    assert (waiting.train_on.samples, waiting.train_on.labelled) == (800, 3 * 40)
    assert waiting.waiting.forecast == timestamp(round((20 + 380 / (15 * 40 / 20)) * MINUTE))
    half = msgspec.structs.replace(model, labels=LabelsPlan(within_ms=60 * MINUTE, sample=0.5))
    events = told([*progress(*range(1, 41)), *labels, worse(20, onset=12)], half)
    assert of_type(events, "waiting").data.train_on.labelled == 3 * 80


def test_what_does_not_come_is_not_waited_for_any_longer():
    """After `max_wait` a request is made with what there is, and says so."""
    events = told([*progress(*range(1, 91), records=1), worse(20, onset=12)], plan(cooldown_ms=0))
    assert asked(events)[:2] == [(20, "waiting"), (80, "requested")]
    requested = of_type(events, "requested").data
    assert (requested.enough, requested.train_on.samples) == (False, 68)
    assert requested.message.endswith(": only 68 records since 1970-01-01 00:12" + SCRATCH)


def test_unfit_data_are_waited_out_and_left_out():
    """Blocked while a quality episode is open; its span is excluded from what is asked for."""
    outputs = [
        *progress(*range(1, 41)),
        worse(20, onset=12),
        spoiled(18, onset=15),
        spoiled(25, "recovered", onset=15),
    ]
    events = told(outputs)
    assert asked(events) == [(20, "blocked"), (25, "waiting"), (27, "requested")]
    blocked = of_type(events, "blocked").data
    assert [reason.signals for reason in blocked.blocked_by] == [("quality.missing.age",)]
    assert blocked.message == "data to retrain churn 3 with are unfit: quality.missing.age"
    on = of_type(events, "requested").data.train_on
    assert (on.start, on.end, on.samples) == (timestamp(12 * MINUTE), timestamp(27 * MINUTE), 500)
    assert msgspec.to_builtins(on.exclude) == (
        {"from": timestamp(15 * MINUTE), "to": timestamp(25 * MINUTE), "why": "quality: quality.missing.age"},
    )


def test_a_drift_that_passes_withdraws_what_was_asked():
    """Before and after the request was made; a drift that passes before anything was told leaves no trace."""
    before = told([*progress(*range(1, 41)), worse(20, onset=19), worse(22, "recovered", onset=19)])
    assert asked(before) == [(20, "waiting"), (22, "withdrawn")]
    assert of_type(before, "withdrawn").data.why == "recovered"
    after = told([*progress(*range(1, 41)), worse(20, onset=12), worse(26, "recovered", onset=12)])
    assert asked(after) == [(20, "requested"), (26, "withdrawn")]
    assert of_type(after, "withdrawn").data.message == (
        "churn 3 need not be retrained: performance.accuracy is as before"
    )  # fmt: skip


def test_an_episode_is_a_reason_once_and_a_later_one_supersedes():
    """Not within `cooldown` of the last request; the open request is named."""
    outputs = [*progress(*range(1, 91)), worse(20, onset=12), worse(30, onset=29, segment="country=DE")]
    events = told(outputs, plan(expires_ms=10**9))
    assert asked(events) == [(20, "requested"), (50, "requested")]
    first, second = (event.data for event in events if isinstance(event, RetrainEvent))
    assert second.supersedes == first.request != second.request
    assert second.scope == ({"country": "DE"},)
    assert second.train_on.start == timestamp(29 * MINUTE)
    assert second.message.endswith(f"since 1970-01-01 00:29, in place of request {first.request[:8]}" + SCRATCH)


def test_nobody_answers():
    """Overdue is said once, at the end of the slide in which the request expires."""
    events = told([*progress(*range(1, 91)), worse(20, onset=12)])
    assert asked(events) == [(20, "requested"), (40, "overdue")]
    assert of_type(events, "overdue").data.message == "no answer to the request to retrain churn 3 within 20 min"


def test_a_new_champion_ends_episodes_and_the_request():
    """Its episodes are over first; what goes on with the old version is no reason any more."""
    outputs = [
        *progress(*range(1, 41)),
        worse(20, onset=12),
        *progress(*range(25, 61), version="4"),
        worse(35, onset=33, segment="country=DE"),
    ]
    events = told(outputs)
    assert [(milliseconds(event.time) // MINUTE, event.type.partition("tidemark.")[2]) for event in events] == [
        (20, "drift.opened"),
        (20, "retrain.requested"),
        (25, "drift.resolved"),
        (25, "retrain.completed"),
        (35, "drift.opened"),
    ]
    assert (events[2].data.why, events[2].data.message) == (
        "new_version",
        "performance.accuracy: version 4 has come, after 13 min",
    )
    assert events[3].data.new_version == "4"
    assert events[3].data.message == "churn 4 has taken the place of 3, which was to be retrained"


def test_shadows_neither_retrain_nor_complete():
    """Their episodes are told and nothing else."""
    outputs = [
        *progress(*range(1, 41)),
        *progress(*range(25, 41), version="4", role="shadow"),
    ]
    assert asked(told([*outputs, worse(20, onset=12, role="shadow")])) == []
    assert asked(told([*outputs, worse(20, onset=12)])) == [(20, "requested"), (40, "overdue")]


def test_the_schedule_is_a_reason_of_its_own():
    """Every so often since the champion's first records and since the last request, on the data of one period."""
    events = told(progress(*range(1, 61)), plan(every_ms=25 * MINUTE, cooldown_ms=0))
    assert asked(events) == [(26, "requested"), (46, "overdue"), (51, "requested")]
    first = next(event.data for event in events if isinstance(event, RetrainEvent))
    assert (first.trigger, first.severity, first.reasons, first.scope) == ("schedule", None, (), ({},))
    assert (first.train_on.start, first.train_on.samples) == (timestamp(MINUTE), 2500)
    assert first.message == "retrain churn 3 because of the schedule: 2,500 records since 1970-01-01 00:01" + UPDATE


def test_only_what_is_severe_enough_is_a_reason():
    """A warning that becomes critical is one from then on."""
    model = plan(severity="critical")
    outputs = [*progress(*range(1, 41)), worse(20, onset=12, level="medium")]
    assert asked(told(outputs, model)) == []
    assert asked(told([*outputs, worse(24, "changed", onset=12)], model)) == [(24, "requested")]


def test_models_that_ask_for_nothing_are_told_nothing():
    """And what was kept when they did is forgotten."""
    model = msgspec.structs.replace(PLAN, retrain=msgspec.UNSET)
    outputs = [*progress(*range(1, 41)), worse(20, onset=12)]
    assert asked(told(outputs, model)) == []
    state = advance(PLAN, JOB, "", add(b"", outputs), END)[0]
    assert len(advance(model, JOB, "", add(state, progress(41)), END)[0]) < len(state)


def said(minute, command, id="m1"):
    return Told(time_ms=minute * MINUTE, id=id, command=command)


def test_a_harmless_episode_is_no_reason():
    """Neither before a request nor after one; what one blocked is blocked no more."""
    outputs = [*progress(*range(1, 61)), worse(20, onset=12)]
    episode = told(outputs)[0].data.episode
    harmless = Acknowledge(model="churn", episode=episode, as_="harmless", by="ann", why="campaign")
    events = told([*outputs, said(21, harmless)], plan(min_samples=1000))
    assert asked(events) == [(20, "waiting"), (21, "withdrawn")]
    assert of_type(events, "withdrawn").data.message == (
        "churn 3 need not be retrained: performance.accuracy was said to be harmless or false"
    )
    again = said(40, Acknowledge(model="churn", episode=episode, as_="real"), "m2")
    assert asked(told([*outputs, said(25, harmless), again]))[:2] == [(20, "requested"), (25, "withdrawn")]
    quality = [*outputs, spoiled(18, onset=15)]
    blocking = told(quality)[0].data.episode
    false = Acknowledge(model="churn", episode=blocking, as_="false")
    events = told([*quality, said(30, false)])
    assert asked(events)[:2] == [(20, "blocked"), (30, "requested")]
    assert of_type(events, "requested").data.train_on.exclude == ()


def test_what_somebody_says_of_an_episode_is_told():
    """In an event of its own, and in all that follow; of one that is over it is refused."""
    outputs = [*progress(*range(1, 61)), worse(20, onset=12), worse(50, "recovered", onset=12)]
    episode = told(outputs)[0].data.episode
    command = Acknowledge(model="churn", episode=episode, as_="real", by="ann", why="new prices")
    events = [
        event
        for event in told([*outputs, said(30, command), said(55, command, "m2"), said(30, command, "m3")])
        if not isinstance(event, RetrainEvent)
    ]
    assert [(milliseconds(event.time) // MINUTE, event.type.rpartition(".")[2]) for event in events] == [
        (20, "opened"),
        (30, "updated"),
        (30, "updated"),
        (50, "resolved"),
        (55, "refused"),
    ]
    assert len({event.id for event in events}) == 5
    assert (events[4].data.what, events[4].data.about) == ("acknowledge", episode)
    assert events[4].data.message == (
        f"'acknowledge' of {episode[:8]} by ann is refused: there is no such episode that is open"
    )
    assert events[0].data.acknowledged is None
    assert msgspec.to_builtins(events[3].data.acknowledged) == {
        "as": "real",
        "time": timestamp(30 * MINUTE),
        "by": "ann",
        "why": "new prices",
    }
    assert events[1].data.message == (
        "acknowledged as real by ann (new prices): performance.accuracy moved up: PSI 0.41 (alarm at 0.03)"
    )


def test_a_muted_model_asks_for_nothing():
    """Its events say that it is muted; detection goes on, and what lasts is asked for afterwards."""
    outputs = [*progress(*range(1, 61)), worse(20, onset=12), worse(26, onset=25, segment="country=DE")]
    muted = told([*outputs, said(15, Mute(model="churn", for_ms=10 * MINUTE))])
    assert [(milliseconds(event.time) // MINUTE, event.data.muted) for event in muted] == [
        (20, True),
        (25, False),
        (26, False),
        (45, False),
        (55, False),
    ]
    assert asked(muted)[0] == (25, "requested")
    off = [said(15, Mute(model="churn", for_ms=100 * MINUTE)), said(22, Mute(model="churn", for_ms=0), "m2")]
    assert asked(told([*outputs, *off]))[0] == (22, "requested")


def test_the_pipeline_answers():
    """Accepted: neither overdue nor withdrawn; rejected: closed; failed: asked again after the cooldown."""
    outputs = [*progress(*range(1, 91)), worse(20, onset=12)]
    request = of_type(told(outputs), "requested").data.request

    def answered(answer, *more):
        return told([*outputs, said(25, Reply(model="churn", request=request, answer=answer, by="airflow")), *more])

    assert asked(answered("accepted", worse(40, "recovered", onset=12))) == [(20, "requested")]
    completed = of_type(answered("accepted", *progress(50, version="4")), "completed")
    assert (completed.data.answer.answer, completed.data.answer.by) == ("accepted", "airflow")
    assert asked(answered("rejected")) == [(20, "requested"), (25, "withdrawn")]
    assert asked(answered("failed")) == [(20, "requested"), (25, "withdrawn"), (50, "requested"), (70, "overdue")]
    nobody = said(25, Reply(model="churn", request="?", answer="rejected"))
    assert asked(told([*outputs, nobody])) == asked(told(outputs))


def test_what_is_said_too_late_takes_effect_at_once():
    """Events never go back in time."""
    outputs = [*progress(*range(1, 31)), worse(20, onset=12)]
    state, events = advance(PLAN, JOB, "", add(b"", outputs), 30 * MINUTE)
    command = Acknowledge(model="churn", episode=events[0].data.episode, as_="real")
    state, late = advance(PLAN, JOB, "", add(state, [said(21, command)]), 31 * MINUTE)
    assert [milliseconds(event.time) // MINUTE for event in late] == [30]


STORY = [
    *progress(*range(1, 121)),
    *(Places(time_ms=m * MINUTE, topic="p", offsets={m % 3: (10 * m, 10 * m + 10)}) for m in range(1, 121)),
    *(LabelsCame(time_ms=m * MINUTE, predicted={(m - 3) * MINUTE: 60, (m - 1) * MINUTE: 5}) for m in range(4, 121)),
    spoiled(16, onset=14),
    worse(20, onset=12),
    spoiled(23, "recovered", onset=14),
    worse(40, onset=39, segment="country=DE"),
    said(41, Mute(model="churn", for_ms=2 * MINUTE)),
    worse(45, "recovered", onset=12),
    change(47, "a", "recovered", empty=True),
    worse(60, "recovered", onset=39, segment="country=DE"),
    worse(70, onset=69, segment="country=NO"),
    *progress(*range(90, 121), version="4"),
    change(100, "performance.accuracy", kind="performance", version="4", onset=95),
]


@pytest.mark.parametrize("minutes", [1, 3, 7, 50])
def test_restarts_and_arrival_change_nothing(minutes):
    """The same bytes in one go, and in steps of any length with records in any order and restarts between."""
    model = plan(labels=True, min_samples=300)
    whole = [encode(event) for event in told(STORY, model)]
    assert [encode(event) for event in told(STORY, model, minutes * MINUTE, seed=minutes)] == whole
    assert len({event.id for event in told(STORY, model)}) == len(whole)
    assert asked(told(STORY, model)) == [
        (20, "blocked"),
        (23, "waiting"),
        (29, "requested"),
        (45, "withdrawn"),
        (59, "requested"),
        (60, "withdrawn"),
        (89, "requested"),
        (90, "completed"),
        (119, "requested"),
    ]
    times = [milliseconds(event.time) for event in told(STORY, model)]
    assert all(left <= right for left, right in pairwise(times))


def measures(minute, version, **values):
    return Measures(time_ms=minute * MINUTE, model="churn", version=version, values=values)


def test_a_new_champion_is_compared_with_the_old_one():
    """Once it is measured; a shadow has been before. What is never measured is told without."""
    model = msgspec.structs.replace(PLAN, performance=(MetricPlan(name="accuracy"),))
    outputs = [
        *progress(*range(1, 101)),
        worse(20, onset=12),
        measures(19, "3", accuracy=0.75, mae=2.0),
        *progress(*range(25, 101), version="4"),
    ]
    events = told([*outputs, measures(24, "4", accuracy=0.5), measures(33, "4", accuracy=1.0, mae=2.5)], model)
    assert asked(events) == [(20, "requested"), (25, "completed")]
    late = told([*outputs, measures(33, "4", accuracy=1.0, mae=2.5)], model)
    assert asked(late) == [(20, "requested"), (33, "completed")]
    assert msgspec.to_builtins(of_type(late, "completed").data.compared) == (
        {"metric": "accuracy", "old": 0.75, "new": 1.0, "gain": 0.25},
        {"metric": "mae", "old": 2.0, "new": 2.5, "gain": -0.5},
    )
    assert of_type(late, "completed").data.message.endswith(": accuracy 0.75 -> 1 and mae 2 -> 2.5")
    never = told(outputs, model)
    assert asked(never) == [(20, "requested"), (85, "completed")]
    assert of_type(never, "completed").data.compared is None


def test_a_request_says_what_is_lost():
    """Against the baseline, where there is one; with the sign of the measure."""
    evidence = worse(20, onset=12).evidence
    lower = msgspec.structs.replace(
        evidence,
        reference=Moments(value=0.91),
        current=Moments(value=0.84),
        effect=Effect(size=0.5, level="large", direction="down"),
    )
    higher = msgspec.structs.replace(
        evidence, signal="performance.log_loss", reference=Moments(), current=Moments(value=0.6)
    )
    outputs = [*progress(*range(1, 31)), worse(20, onset=12, evidence=lower), worse(20, onset=12, evidence=higher)]
    assert msgspec.to_builtins(of_type(told(outputs), "requested").data.performance) == (
        {"metric": "accuracy", "segment": {}, "baseline": 0.91, "current": 0.84, "loss": 0.07},
        {"metric": "log_loss", "segment": {}, "baseline": None, "current": 0.6, "loss": None},
    )


def lower(minute, now, **more):
    evidence = msgspec.structs.replace(
        worse(minute).evidence,
        reference=Moments(value=0.9),
        current=Moments(value=now),
        effect=Effect(size=0.5, level="large", direction="down"),
    )
    return worse(minute, evidence=evidence, **more)


def test_what_costs_more_than_it_brings_is_not_asked_for_yet():
    """Of 100 records a minute a tenth is lost: 200 correct predictions are, 20 minutes after the onset."""
    model = plan(cost=400.0, value_per_correct=2.0)
    outputs = [*progress(*range(1, 61)), lower(20, 0.8, onset=12)]
    events = told(outputs, model)
    assert asked(events) == [(20, "waiting"), (32, "requested"), (52, "overdue")]
    waiting = of_type(events, "waiting").data
    assert waiting.waiting is None
    assert msgspec.to_builtins(waiting.costs) == {
        "cost": 400.0, "lost": 160.0, "per_hour": 1200.0, "forecast": timestamp(32 * MINUTE)
    }  # fmt: skip
    assert waiting.message == (
        "to retrain churn 3 is not worth it yet: performance.accuracy has cost 160 of 400; "
        "it will be at 1970-01-01 00:32" + SCRATCH
    )
    assert of_type(events, "requested").data.costs.lost == 400.0
    better = told([*outputs, measures(24, "3", accuracy=0.85)], model)
    assert asked(better)[:2] == [(20, "waiting"), (52, "requested")]


def test_policies_are_compared_on_one_history():
    """Accuracy falls twice: who retrains in between loses less, and who does so often pays for it."""
    model = msgspec.structs.replace(
        plan(cost=150.0, every_ms=20 * MINUTE, min_samples=100), performance=(MetricPlan(name="accuracy"),)
    )
    outputs = [
        *progress(*range(1, 61)),
        *(
            measures(minute, "3", accuracy=0.9 if minute < 13 else 0.8 if minute < 40 else 0.7)
            for minute in range(1, 61)
        ),
        lower(16, 0.8, onset=12),
    ]
    found = [(one.policy, one.retrainings, one.samples, one.lost, one.cost) for one in compare(model, JOB, outputs)]
    assert found == [
        ("never", 0, 0, 690.0, 690.0),
        ("periodic", 2, 4000, 110.0, 410.0),
        ("on drift", 1, 400, 250.0, 400.0),
        ("cost-aware", 1, 1500, 360.0, 510.0),
    ]
    assert compare(msgspec.structs.replace(model, retrain=msgspec.UNSET), JOB, outputs) == []
    nothing = compare(model, JOB, progress(*range(1, 61)))
    assert {(one.lost, one.cost) for one in nothing} == {(None, None)}


def accepted(kind="feature"):
    return Accept(
        model="churn",
        version="3",
        kind=kind,
        episode="e1e2e3e4e5",
        signals=("feature.age",),
        seen=timestamp(29 * MINUTE),
        by="ann",
        why="prices",
    )


def test_what_monitors_make_of_it_is_told():
    """That the profile is rebased, before the episode that it resolves; or what they refuse."""
    command = accepted()
    rebased = Rebased(
        time_ms=30 * MINUTE + 10_000,
        id="m1",
        model="churn",
        version="3",
        role="champion",
        segment="country=DE",
        episode=command.episode,
        signals=["feature.age"],
        undone=False,
        profile_id="sha256:3",
        records=1_200,
        start=timestamp(22 * MINUTE),
        end=timestamp(30 * MINUTE),
        by="ann",
        why="prices",
    )
    opened = change(25, segment="country=DE")
    over = msgspec.structs.replace(opened, time_ms=rebased.time_ms, state="recovered", why="accepted")
    undone = msgspec.structs.replace(rebased, time_ms=40 * MINUTE, id="m2", undone=True)
    outputs = [opened, over, rebased, undone, said(30, command, "m1"), said(39, command, "m2"), *progress(60)]
    events = told(outputs)
    assert [(event.type.removeprefix("io.tidemark."), event.data.message) for event in events] == [
        ("drift.opened", "feature.age moved up in country=DE: PSI 0.41 (alarm at 0.03)"),
        (
            "profile.rebased",
            "feature.age in country=DE: compared with the 1,200 records since 1970-01-01 00:22, "
            "accepted by ann (prices)",
        ),
        ("drift.resolved", "feature.age in country=DE: accepted as the new normal, after 10 min 10 s"),
        (
            "profile.restored",
            "feature.age in country=DE: compared with the profile again, not with the 1,200 records since "
            "1970-01-01 00:22",
        ),
    ]
    assert events[2].data.why == "accepted"
    assert (events[1].data.profile, events[1].data.accepted.by, events[1].subject) == (
        "sha256:3",
        "ann",
        "churn/3/country=DE",
    )


def test_what_nobody_answers_came_too_late():
    """Of what is asked of monitors; what has no profile is refused at once."""
    outputs = [*progress(20, 60), said(30, accepted(), "m1"), said(30, accepted("performance"), "m2")]
    assert [(milliseconds(event.time), event.data.refused) for event in told(outputs)] == [
        (30 * MINUTE, "performance is not compared with a profile"),
        (60 * MINUTE, "the stream had passed its time when it came; say it again"),
    ]


def test_a_request_says_how_well_the_measure_will_be_known():
    """By its interval in the window of the episode: half of the loss shows whether it is made good, and takes more."""
    evidence = msgspec.structs.replace(
        worse(20, onset=12).evidence,
        reference=Moments(value=0.9),
        current=Moments(value=0.86, low=0.84, high=0.88),
        effect=Effect(size=0.1, level="large", direction="down"),
    )
    came = [LabelsCame(time_ms=m * MINUTE, predicted={m * MINUTE: 50}) for m in range(1, 61)]
    outputs = [*progress(*range(1, 61)), *came, worse(20, onset=12, evidence=evidence)]
    events = told(outputs, plan(labels=True))
    known = of_type(events, "requested").data.sufficiency
    assert (known.metric, known.wanted, known.labelled) == ("accuracy", 0.02, 1_000)
    assert known.half_width == 0.0282842712  # of 500, where 1,000 say it to 0.02
    assert known.forecast == timestamp(32 * MINUTE)
    assert of_type(events, "requested").data.message == (
        "retrain churn 3 because of performance.accuracy: 500 labelled records since 1970-01-01 00:12; "
        "accuracy will be known to ± 0.028, to ± 0.02 by 1,000 labelled records (at 1970-01-01 00:32)" + SCRATCH
    )
