"""What is going on at a signal that labels tell of, from window to window: an alarm, an episode, its recovery."""

from __future__ import annotations

from typing import Literal

import msgspec

from config.plan import AlarmsPlan
from operators.decisions.outputs import SignalChange
from schemas.events import Span, Why, Window


class Watched(msgspec.Struct, array_like=True):
    """A signal at which something is going on."""

    streak: int = 0  # windows in a row with an alarm
    calm: int = 0  # windows in a row without one, since it was opened
    since_ms: int = 0  # of the first alarm of the streak: where its newest slide began
    told: SignalChange | None = None  # what was said of it last; None: it is not open

    def follow(
        self, alarms: AlarmsPlan, alarm: bool, critical: bool, still: bool, since_ms: int
    ) -> Literal["opened", "changed", "recovered"] | None:
        """Take one more window; gives what there is to tell, if anything.

        Parameters
        ----------
        alarms
            After how many windows it opens and recovers.
        alarm, critical
            What the window says.
        still
            Whether, without an alarm, it has not recovered.
        since_ms
            Where the window's newest slide begins.
        """
        self.streak = self.streak + 1 if alarm else 0
        if alarm:
            self.calm = 0
            if self.streak == 1:
                self.since_ms = since_ms
            if self.told is None:
                return "opened" if self.streak >= alarms.confirm else None
            return "changed" if critical and self.told.severity != "critical" else None
        if self.told is None:
            return None
        self.calm = 0 if still else self.calm + 1
        return "recovered" if self.calm >= alarms.recover else None

    def recovered(self, time_ms: int, window: Window, predicted: Span | None) -> SignalChange:
        """That what is open is over; nothing is open any more."""
        assert self.told is not None, "it is open"
        over = msgspec.structs.replace(
            self.told, time_ms=time_ms, state="recovered", why="recovered", window=window, predicted=predicted
        )
        self.told, self.calm = None, 0
        return over


def ended(watches: dict[str, Watched], time_ms: int, why: Why, *, empty: bool = False) -> list[SignalChange]:
    """That all which is open is over; nothing is watched any more."""
    told = [watch.told for _, watch in sorted(watches.items()) if watch.told is not None]
    watches.clear()
    return [
        msgspec.structs.replace(change, time_ms=time_ms, state="recovered", why=why, empty=empty) for change in told
    ]
