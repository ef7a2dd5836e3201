"""Duplicates: what the reference has, and what is told of a stream in which ids come again."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from config.plan import AlarmsPlan, QualityPlan, WindowPlan
from operators.decisions.outputs import SignalChange
from operators.decode import Decoder
from operators.encoding.entries import Place
from operators.monitors import Kept, Monitors
from operators.profiles import duplicates
from operators.profiles.duplicates import IdSample
from operators.quality.signals import DUPLICATES
from operators.reading.plain_times import NO_TIME
from schemas.profile import Share
from tests.operators.decoding import NOW_MS, PANE_MS, TOPIC, job, line, model, profile

HOUR = 3_600_000


def sampled(ids, times_ms=None):
    sample = IdSample()
    sample.add(ids, None if times_ms is None else np.array(times_ms, np.int64))
    return sample.share(HOUR)


def test_the_share_of_a_reference():
    """Records whose id came within a window before them; those without one do not count."""
    share = sampled(["a", "b", "a", None, "a", 7, "7"], [0, 10, HOUR, 20, 2 * HOUR + 1, 30, 40])
    assert share is not None
    assert (share.found, share.records) == (2, 6)


def test_without_times():
    """All came at once; of some the times may not be known."""
    for times in (None, [NO_TIME, NO_TIME, NO_TIME]):
        share = sampled(["a", "b", "a"], times)
        assert share is not None
        assert (share.found, share.records) == (1, 3)


def test_without_ids():
    """Nothing is known."""
    assert sampled([None, None]) is None


def test_pieces_and_order_do_not_matter(monkeypatch):
    """Also where only a sample of the ids is kept."""
    monkeypatch.setattr(duplicates, "RECORDS", 200)
    rng = np.random.default_rng(1)
    ids = [f"r{one}" for one in rng.integers(0, 3_000, 4_000)]
    times = rng.integers(0, 3 * HOUR, 4_000)
    shares = []
    for order, pieces in ((np.arange(4_000), 1), (rng.permutation(4_000), 7)):
        sample = IdSample()
        for part in np.array_split(order, pieces):
            sample.add([ids[at] for at in part], times[part])
        shares.append(sample.share(HOUR))
    assert shares[0] == shares[1]
    assert shares[0] is not None
    assert 100 < shares[0].records <= 200


def told(again: float, restart: bool = False, known: int = 0):
    """What is said of half an hour of panes, in which so large a share repeats an earlier id from the tenth minute."""
    made = msgspec.structs.replace(profile(), quality={DUPLICATES: Share(found=known, records=20_000)})
    watched = model(
        quality=QualityPlan(missing=False, unseen=False, volume=False),
        window=WindowPlan(size_ms=600_000, slide_ms=60_000, min_count=100, grow_to_ms=600_000),
        alarms=AlarmsPlan(
            budget=1.0, period_ms=30 * 86_400_000, confirm=2, recover=3, min_effect="small", critical="large"
        ),
    )
    references = job(profiles={"churn": {"3": made}}, models=(watched,))
    decoder, monitors = Decoder(references, TOPIC), Monitors(references, scores=True)
    key, kept = "m|churn|3|champion|all", [b"", b""]
    rng = np.random.default_rng(1)
    changes, evaluations = [], []
    count = 0
    for number in range(180):
        lines = []
        for _ in range(40):
            old = number >= 60 and rng.random() < again and count > 400
            lines.append(line(id=f"r{count - 300 if old else count}"))
            count += 1
        times = NOW_MS + number * PANE_MS + np.arange(40) * 200
        place = Place(topic="predictions", partitions=[0] * 40, offsets=range(40))
        entries = decoder.decode(lines, times, np.zeros(40, np.bool_), place)
        parts = [entry.data for entry in entries if entry.key == key]
        if restart:
            monitors = Monitors(references, scores=True)
        step = monitors.fold(key, Kept(lambda: kept[0], lambda: kept[1], lambda: b""), parts)
        assert step is not None
        kept[:] = step.state, kept[1] if step.ring is None else step.ring
        changes += [one for one in step.outputs if isinstance(one, SignalChange) and one.kind == "quality"]
        evaluations += [one for summary in step.summaries for one in summary.evaluations if one.signal == DUPLICATES]
    return changes, evaluations


def test_ids_that_come_again():
    """A twentieth of them: told by its share, with what it was; restarts change nothing."""
    changes, evaluations = told(0.05)
    first = changes[0]
    assert (first.evidence.signal, first.state, first.evidence.detector) == (DUPLICATES, "opened", "share")
    assert first.evidence.reference.duplicates == 0.0
    assert first.evidence.current.duplicates == pytest.approx(0.02, abs=0.02)
    assert told(0.05, restart=True) == (changes, evaluations)


def test_ids_that_never_come_again():
    """Nothing is said, and each evaluation has its row."""
    changes, evaluations = told(0.0)
    assert changes == []
    assert {(one.detector, one.statistic) for one in evaluations} == {("share", 0.0)}
    assert evaluations[-1].count > 1_000


def test_as_many_as_the_reference_has():
    """A twentieth there and here is no change."""
    assert told(0.05, known=1_000)[0] == []
