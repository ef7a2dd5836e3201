"""Labelled share and delay of labels: against the stream's own past, by cohorts that are mature."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import AlarmsPlan, LabelsPlan, MetricPlan, ModelPlan, QualityPlan
from operators.decisions import messages
from operators.decisions.outputs import SignalChange
from operators.labels import signals as label_signals
from operators.labels.facts import BINS, PREDICTIONS, bins_of
from operators.labels.join_chunks import Ints
from operators.labels.past import DELAY, SHARE, Past, of_reference
from operators.labels.signals import step
from operators.monitoring.state import Key
from operators.quality.signals import label_tests
from schemas.cloudevents import milliseconds
from schemas.errors import StateVersionError
from schemas.profile import LabelDelays
from schemas.summaries import Summary
from tests.operators.decoding import model

KEY = Key("churn", "1", "champion", "all")
MINUTE = 60_000
EACH = 300  # predictions a slide


def plan(confirm: int = 2) -> ModelPlan:
    """Windows of five minutes, slides of one, labels for ten."""
    made = model(
        labels=LabelsPlan(within_ms=60 * MINUTE, mature_ms=10 * MINUTE),
        performance=(MetricPlan(name="accuracy"),),
        quality=QualityPlan(),
        alarms=AlarmsPlan(budget=1.0, period_ms=1, confirm=confirm, recover=2, min_effect="small", critical="large"),
    )
    window = msgspec.structs.replace(
        made.window, size_ms=5 * MINUTE, slide_ms=MINUTE, min_count=100, grow_to_ms=5 * MINUTE
    )
    return msgspec.structs.replace(made, window=window)


def stream(shares: list[float], delays_ms: list[float], seed: int = 1) -> dict[int, Ints]:
    """Facts by pane, a slide each: so many predictions get a label, after an exponential delay."""
    rng = np.random.default_rng(seed)
    panes: dict[int, list[tuple[int, int, int]]] = {}
    for number, (share, delay_ms) in enumerate(zip(shares, delays_ms, strict=True)):
        end_ms = (number + 1) * MINUTE
        panes.setdefault(end_ms, []).append((end_ms, PREDICTIONS, EACH))
        for delay in rng.exponential(delay_ms, rng.binomial(EACH, share)).astype(np.int64).tolist():
            at_ms = (number * MINUTE + 30_000 + delay) // MINUTE * MINUTE + MINUTE
            panes.setdefault(at_ms, []).append((end_ms, int(bins_of(np.array([delay]))[0]), 1))
    return {end_ms: np.array(rows, np.int64) for end_ms, rows in sorted(panes.items())}


def followed(
    panes: dict[int, Ints], level: float = 1e-5, made: ModelPlan | None = None, known: Past | None = None
) -> tuple[list[Summary], list[SignalChange], bytes]:
    """All that is told."""
    state, summaries, changes = b"", [], []
    for end_ms, rows in panes.items():
        result = step(made or plan(), KEY, state, end_ms, rows, end_ms, level, known)
        state = result.state
        summaries += result.summaries
        changes += result.changes
    return summaries, changes, state


def test_labels_by_source():
    """Which share one source labels is watched for itself: others may take over what it leaves."""
    made = plan()
    by_people = msgspec.structs.replace(made, labels=msgspec.structs.replace(made.labels, by=("people", "rules")))
    rng = np.random.default_rng(5)
    panes = stream([0.8] * 200, [60_000.0] * 200)
    for end_ms, rows in panes.items():
        labels = rows[rows[:, 1] != PREDICTIONS]
        people = rng.random(len(labels)) < np.where(labels[:, 0] > 120 * MINUTE, 0.1, 0.5)
        extra = labels.copy()
        extra[:, 1] += BINS * np.where(people, 1, 2)
        panes[end_ms] = np.concatenate([rows, extra])
    summaries, changes, _ = followed(panes, made=by_people)
    opened = {one.evidence.signal: one for one in changes if one.state == "opened"}
    assert opened.keys() == {f"{SHARE}.people", f"{SHARE}.rules"}
    fell = opened[f"{SHARE}.people"]
    assert fell.evidence.effect.direction == "down"
    assert fell.evidence.reference.value == pytest.approx(0.4, abs=0.02)
    assert 119 <= minute(fell.evidence.onset) <= 123
    assert fell.of == 4
    assert messages.opened([fell.evidence], "all").startswith("labels.share.people fell: ")
    assert {row.signal for row in summaries[-1].evaluations} == {SHARE, DELAY, f"{SHARE}.people", f"{SHARE}.rules"}
    before = followed(panes, made=made)  # rows of a source that nobody asks for any more are passed over
    assert before[1] == []
    assert label_tests(by_people) == label_tests(made) + 2


def minute(time: str) -> int:
    """Of a time as text."""
    return milliseconds(time) // MINUTE


def test_labels_that_become_fewer():
    """The share falls, by the time of the predictions, and recovers with them; the delay stays."""
    shares = [0.8] * 100 + [0.4] * 40 + [0.8] * 100
    summaries, changes, _ = followed(stream(shares, [60_000.0] * 240))
    assert {one.evidence.signal for one in changes} == {SHARE}
    assert [one.state for one in changes] == ["opened", "changed", "recovered"]  # it became critical
    opened, _, recovered = changes
    assert opened.kind == "quality"
    assert 98 <= minute(opened.evidence.onset) <= 101
    assert 111 <= opened.time_ms // MINUTE <= 116  # mature, and a slide more
    assert opened.predicted is not None
    assert minute(opened.predicted.end) <= 104
    assert opened.evidence.reference.value == pytest.approx(0.8, abs=0.01)
    assert 140 <= minute(recovered.window.end) <= 150
    text = messages.opened([opened.evidence], "all")
    assert text.startswith("labels.share fell: ")
    assert " % of predictions, before 79.9 % (alarm below 7" in text
    first = summaries[0]
    assert (first.about, [one.signal for one in first.evaluations]) == ("labels", [SHARE, DELAY])
    assert first.evaluations[0].p_value is None  # there is no past yet


def test_labels_that_come_later():
    """The share of those that come in time falls too where the delay is long; a longer delay alone is told as one."""
    delays = [60_000.0] * 100 + [120_000.0] * 100
    _, changes, _ = followed(stream([0.8] * 200, delays))
    assert {(one.evidence.signal, one.state) for one in changes} == {(DELAY, "opened")}
    evidence = changes[0].evidence
    assert evidence.effect.direction == "up"
    assert (evidence.current.value or 0) > 1.3 * (evidence.reference.value or 0)
    assert messages.opened([evidence], "all").startswith("labels.delay rose: half of the labels within ")


def test_false_alarms_are_as_rare_as_the_level_says():
    """Shares that differ from slide to slide, more than chance does, are their past's and no alarm."""
    rng = np.random.default_rng(7)
    over = evaluations = episodes = 0
    for seed in range(12):
        shares = np.clip(rng.normal(0.7, 0.05, 250), 0, 1).tolist()
        summaries, changes, _ = followed(stream(shares, [60_000.0] * 250, seed), level=0.01, made=plan(confirm=3))
        told = [e for one in summaries for e in one.evaluations if e.p_value is not None]
        evaluations += len(told)
        over += sum((e.p_value or 1) < 0.01 for e in told)
        episodes += sum(one.state == "opened" for one in changes)
    assert evaluations > 4_000
    assert over / evaluations < 0.01
    assert episodes < 12


def reference(share: float, slides: int = 100, profile_id: str = "sha256:1") -> Past:
    """How labels of a reference came, a minute after their predictions."""
    panes = stream([share] * slides, [60_000.0] * slides, seed=99)
    predictions = [0] * slides
    delays = np.zeros((slides, BINS), np.int64)
    for end_ms, which, count in np.concatenate(list(panes.values())).tolist():
        if which == PREDICTIONS:
            predictions[end_ms // MINUTE - 1] += count
        else:
            delays[end_ms // MINUTE - 1, which] += count
    known = LabelDelays(
        start_ms=0,
        slide_ms=MINUTE,
        until_ms=10**9,
        predictions=tuple(predictions),
        delays=tuple(map(tuple, delays.tolist())),
    )
    found = of_reference(known, 10 * MINUTE, profile_id)
    assert found is not None
    return found


def test_labels_that_come_as_in_the_reference_or_not():
    """With a profile that knows, the first windows are judged, against it, and what is lasting stays a change."""
    summaries, changes, state = followed(stream([0.8] * 60, [60_000.0] * 60), known=reference(0.8))
    assert changes == []
    assert summaries[0].evaluations[0].p_value is not None
    assert {one.detector for summary in summaries for one in summary.evaluations} == {"reference"}
    _, changes, state = followed(stream([0.5] * 60, [60_000.0] * 60), known=reference(0.8))
    (opened,) = changes
    assert (opened.evidence.signal, opened.state, opened.profile_id) == (SHARE, "opened", "sha256:1")
    assert (opened.profile_kind, opened.previous) == ("profile", None)
    assert opened.evidence.reference.value == pytest.approx(0.8, abs=0.01)
    assert opened.time_ms // MINUTE < 20
    for other in (None, reference(0.8, profile_id="sha256:2")):  # a new profile, and none that knows
        (ended,) = step(plan(), KEY, state, None, None, 72 * MINUTE, 1e-5, other).changes
        assert (ended.state, ended.why) == ("recovered", "configuration")


def test_false_alarms_against_a_reference():
    """They are as rare: what shares of the reference's slides vary by counts, and how many they are."""
    over = evaluations = 0
    for seed in range(40):
        summaries, _, _ = followed(stream([0.7] * 80, [60_000.0] * 80, seed), level=0.01, known=reference(0.7, 60))
        told = [e for one in summaries for e in one.evaluations if e.p_value is not None]
        evaluations += len(told)
        over += sum((e.p_value or 1) < 0.01 for e in told)
    assert evaluations > 4_000
    assert over / evaluations < 0.01


def test_a_pane_that_comes_again_changes_nothing():
    """Sources that are read again after a restart."""
    panes = stream([0.8] * 40, [30_000.0] * 40)
    _, _, state = followed(panes)
    last = max(panes)
    again = step(plan(), KEY, state, last, panes[last], last, 1e-5)
    assert (again.state, again.summaries) == (state, [])


def test_it_is_forgotten_when_nothing_comes():
    """State goes when no window reaches what it has."""
    _, _, state = followed(stream([0.8] * 40, [30_000.0] * 40))
    result = step(plan(), KEY, state, None, None, 10**9, 1e-5)
    assert (result.state, result.changes) == (b"", [])
    _, changes, state = followed(stream([0.8] * 100 + [0.4] * 40, [60_000.0] * 140))
    assert changes[-1].state != "recovered"
    result = step(plan(), KEY, state, None, None, 10**9, 1e-5)  # what is open stays open
    assert (result.state, result.changes, result.next_ms) == (state, [], None)


def test_state_of_another_release():
    """It is refused, not misread."""
    _, _, state = followed(stream([0.8] * 3, [30_000.0] * 3))
    with pytest.raises(StateVersionError, match="labels of churn/1/all: format 9 is not one"):
        label_signals.retire(KEY, b"TS\x09\x00" + state[4:], 0)
