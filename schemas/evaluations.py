"""Evaluations: what each detector found in each window; a row of ``backtest --scores``."""

from __future__ import annotations

import msgspec

from schemas.cloudevents import Time


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One detector on one signal at the end of one slide in which the segment had records.

    Numbers are finite. All are null where the window had too few values of the signal to judge.

    ``alarm`` of a windowed detector: the statistic is over the threshold, and the effect reaches ``min_effect``
    (with a threshold of the user's own: it is over the threshold). Of a sequential one, which looks at every value
    and not at windows: it has alarmed, and the records since then still show the change; statistic and threshold are
    those of its newest alarm, else where it stands at the end of the window, on the side that is nearer to an alarm
    (null where it cannot alarm, and of detectors outside the budget). It has no p-value, and without an alarm no
    effect. `confirm` alarms in a row open a signal.
    """

    time: Time  # end of the window
    model: str
    version: str
    segment: str  # canonical text
    signal: str
    detector: str
    count: int  # values that the detector saw: in the window, or in the slide where it is sequential
    statistic: float | None
    threshold: float | None
    p_value: float | None
    effect: float | None  # size, in the detector's own unit
    alarm: bool


COLUMNS: tuple[str, ...] = Evaluation.__struct_fields__
