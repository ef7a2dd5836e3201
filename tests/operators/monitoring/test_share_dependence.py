"""Dependence of quality signals on what was before, where the reference is in no known order."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec import structs

from config.plan import QualityPlan
from operators.encoding.codes import ABSENT, MISSING
from operators.monitoring.detection import Detection
from operators.profiles.references import ModelSignals
from schemas.profile import Calibration, Share
from tests.operators.panes import MINUTE, RESTART, SHUFFLE, Driver, Records, detection
from tests.operators.signals import numeric_signal

KNOWN = structs.replace(
    numeric_signal(np.arange(1, 10), np.full(10, 1_960), discrete=False),
    missing=400,
    calibration=Calibration(values=19_600, error=0.02),
)
SLOW = Calibration(values=20_000, error=0.1, tau=(30.0, 900.0))


def of_file(order="file", **more):
    """Detection of a number of which 2 % are missing, against a reference whose records came in this order."""
    plan = QualityPlan(invalid=False, unseen=False, volume=False, frozen=False, duplicates=False)
    made = detection({"age": KNOWN}, (), budget=30.0, quality=plan, **more).signals
    provenance = structs.replace(made.profile.provenance, order=order)
    return Detection(ModelSignals(made.model, structs.replace(made.profile, provenance=provenance)))


def shown(flags, each=400):
    """Panes of a minute: of the records that are flagged the number is missing."""
    codes = np.where(flags, MISSING, np.arange(len(flags)) % 10)
    return [
        Records((minute + 1) * MINUTE, part[:, None])
        for minute, part in enumerate(np.array_split(codes.astype(np.uint8), len(flags) // each))
    ]


def in_runs(rng, share, length, count):
    """Flags of so many records, in runs of so many on average."""
    found = np.zeros(count, np.bool_)
    starts = np.flatnonzero(rng.random(count) < share / length)
    for start, run in zip(starts.tolist(), rng.geometric(1 / length, len(starts)).tolist(), strict=True):
        found[start : start + run] = True
    return found


def test_gaps_in_bursts():
    """Against a shuffled reference they would alarm again and again; the stream tells that they come in bursts."""
    panes = shown(in_runs(np.random.default_rng(5), 0.02, 30, 60_000))
    alone, told = (Driver(of_file(order), scores=True).run(panes) for order in ("time", "file"))
    assert len(alone.changes) > 20
    assert told.changes == []
    assert sum(one.exceeded for one in alone.summaries) > 50 * sum(one.exceeded for one in told.summaries)


def test_gaps_one_by_one():
    """Evaluations are those against a reference in the order of time, and a share that rises is found and stays."""
    rng = np.random.default_rng(2)
    flags = rng.random(32_000) < np.where(np.arange(32_000) < 16_000, 0.02, 0.08)
    alone, told = (Driver(of_file(order), scores=True).run(shown(flags)) for order in ("time", "file"))
    assert [one.evaluations for one in alone.summaries[:40]] == [one.evaluations for one in told.summaries[:40]]
    assert [change.state for change in told.changes] == ["opened"]
    assert told.changes[0].time_ms == alone.changes[0].time_ms


def test_in_bursts_a_larger_share_is_found_all_the_same():
    """Bursts that come five times as often are no dependence."""
    rng = np.random.default_rng(3)
    flags = np.append(in_runs(rng, 0.02, 10, 24_000), in_runs(rng, 0.2, 10, 24_000))
    driver = Driver(of_file()).run(shown(flags))
    assert driver.changes[0].state == "opened"
    assert driver.changes[0].time_ms > 60 * MINUTE
    assert driver.changes[0].time_ms <= 66 * MINUTE


@pytest.mark.parametrize(("order", "tau"), [("time", 900.0), ("file", 1.0)])
def test_what_follows_each_other_in_a_file_says_nothing(order, tau):
    """A file may be sorted by what is missing."""
    made = of_file(order, shares={"quality.missing.age": Share(found=400, records=20_000, calibration=SLOW)})
    assert made.quality.tau(np.array([1_200.0]))[0] > 0.9 * tau
    assert (made.quality.tau(np.array([1_200.0]))[0] == 1) == (order == "file")


def test_values_out_of_their_range():
    """They have no codes of their own: bins that reach beyond the range are followed."""
    plan = QualityPlan(missing=False, invalid=False, unseen=False, volume=False, frozen=False, duplicates=False)
    share = Share(found=20, records=20_000, range=(2.5, 8.0))
    made = detection(
        {"age": KNOWN}, (), quality=plan, ranges={"age": (2.5, 8.0)}, shares={"quality.range.age": share}
    ).signals
    provenance = structs.replace(made.profile.provenance, order="file")
    of = Detection(ModelSignals(made.model, structs.replace(made.profile, provenance=provenance))).followed
    codes = np.repeat(np.array([5, 2, ABSENT], np.uint8), 40)[:, None].copy()
    state = of.follow(b"", np.tile(codes, (60, 1)))
    assert len(of) == 1
    assert np.frombuffer(state[:8], np.int64).tolist() == [80 * 60]
    assert np.frombuffer(of.told(state), np.uint8).max() > 8  # runs of forty


def test_neither_restarts_nor_batches_matter():
    """The state goes through bytes, and records come mixed."""
    panes = shown(in_runs(np.random.default_rng(4), 0.02, 30, 20_000))
    once = Driver(of_file(), scores=True).run(panes)
    again = [item for pane in panes for item in (RESTART, pane)]
    assert Driver(of_file(), scores=True).run([SHUFFLE, *again]).said == once.said
