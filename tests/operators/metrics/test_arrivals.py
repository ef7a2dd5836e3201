"""Arrivals: an onset that labels show is moved back by as long as they had waited."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from operators.labels.join_rows import Labelled
from operators.metrics import arrivals
from operators.metrics.arrivals import Arrivals
from schemas.cloudevents import timestamp
from tests.operators.changes import MINUTE, change

SLIDE = 5 * MINUTE


def came(known: Arrivals, minute: int, *waited: int) -> None:
    """Labels of a pane that ends at a minute, and how many minutes each had waited."""
    labels_ms = np.full(len(waited), minute * MINUTE - 1)
    times_ms = labels_ms - np.array(waited, np.int64) * MINUTE
    known.came(Labelled(times_ms, labels_ms, np.zeros((len(waited), 3))), minute * MINUTE, SLIDE)


def test_labels_that_come_at_once_move_nothing():
    """And keep nothing; nor do those that wait for less than a slide."""
    known, told = Arrivals(), change(20)
    came(known, 12, 0, -3)
    came(known, 17, 4, 4)
    assert known == Arrivals()
    assert known.told([told], SLIDE) == [told]


def test_an_onset_is_moved_by_what_the_labels_of_its_slide_had_waited():
    """On average; with all that says when it was, and the same in all that is told of the signal until it is over."""
    known = Arrivals()
    came(known, 12, 60, 62)
    came(known, 15, 64)
    came(known, 18, 100)
    came(known, 15, 900)  # read again after a restart
    opened, changed, over, again = (
        change(minute, state=state, onset=13)
        for minute, state in ((20, "opened"), (25, "changed"), (30, "recovered"), (35, "opened"))
    )
    evidence = msgspec.structs.replace(opened.evidence, onset_from=timestamp(12 * MINUTE), onset_to=None)
    opened = msgspec.structs.replace(opened, evidence=evidence)
    (found,) = known.told([opened], SLIDE)
    began_ms = (13 - 62) * MINUTE
    assert (found.onset_ms, found.time_ms) == (began_ms, 20 * MINUTE)
    assert found.evidence.onset == timestamp(began_ms)
    assert found.evidence.onset_from == timestamp(began_ms - MINUTE)
    assert found.evidence.onset_to is None
    came(known, 28, 500)
    known = msgspec.msgpack.decode(msgspec.msgpack.encode(known), type=Arrivals)
    assert [one.onset_ms for one in known.told([changed, over], SLIDE)] == [began_ms] * 2
    later = msgspec.structs.replace(again, onset_ms=22 * MINUTE)
    assert known.told([later], SLIDE)[0].onset_ms == (22 - 500) * MINUTE


def test_labels_that_come_sooner_and_later_move_it_less():
    """By a standard deviation, in whole slides: those that come soon show it first."""
    known = Arrivals()
    came(known, 12, 40, 60, 80)
    spread = int(np.std([8, 12, 16]) * SLIDE)
    (found,) = known.told([change(20, onset=11)], SLIDE)
    assert found.onset_ms == pytest.approx((11 - 60) * MINUTE + spread, abs=SLIDE // 3)
    known = Arrivals()
    came(known, 12, 0, 0, 0, 0, 100)
    assert known.told([change(20, onset=11)], SLIDE)[0].onset_ms == 11 * MINUTE


def test_an_onset_before_or_after_all_that_is_known(monkeypatch):
    """The oldest of so many slides stands for those before it; after the newest nothing is known."""
    monkeypatch.setattr(arrivals, "SLIDES", 2)
    known = Arrivals()
    for minute, waited in ((12, 10), (17, 20), (22, 30)):
        came(known, minute, waited)
    before, after = (change(40, name, onset=onset) for name, onset in (("a", 1), ("b", 30)))
    assert [one.onset_ms // MINUTE for one in known.told([before, after], SLIDE)] == [1 - 20, 30]


def test_labels_that_come_later_change_nothing(monkeypatch):
    """What ends with a slide is the same whether it is told at once or when labels of the next are there."""
    monkeypatch.setattr(arrivals, "SLIDES", 2)
    monkeypatch.setattr(arrivals, "KEPT", 4)
    soon, late = Arrivals(), Arrivals()
    for minute, waited in ((12, 10), (17, 20), (22, 30)):
        came(soon, minute, waited)
        came(late, minute, waited)
    came(late, 27, 40)
    for onset in (1, 13, 16, 21, 25):
        told = change(25, onset=onset)
        assert soon.told([told], SLIDE) == late.told([told], SLIDE)
