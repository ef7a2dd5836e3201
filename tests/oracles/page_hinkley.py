"""Page-Hinkley as the paper tells it, in plain floats, one value at a time."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class PageHinkley:
    delta: float
    threshold_up: float
    threshold_down: float
    fading: float = 1.0
    min_count: int = 30
    prior_mean: float = 0.0
    prior_weight: float = 0.0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.count = 0
        self.mean = self.prior_mean
        self.rise = self.fall = 0.0
        self.lowest_rise = self.highest_fall = 0.0
        self.lowest_at = self.highest_at = 0

    def update(self, value: float) -> tuple[int, int] | None:
        """Take the next value; return since and direction of an alarm."""
        self.count += 1
        self.mean += (1 / (self.count + self.prior_weight)) * (value - self.mean)
        self.rise = self.fading * self.rise + (value - self.mean) - self.delta
        self.fall = self.fading * self.fall + (value - self.mean) + self.delta
        if self.rise < self.lowest_rise:
            self.lowest_rise, self.lowest_at = self.rise, self.count
        if self.fall > self.highest_fall:
            self.highest_fall, self.highest_at = self.fall, self.count
        if self.count < self.min_count:
            return None
        up = (self.rise - self.lowest_rise, 1, self.count - self.lowest_at)
        down = (self.highest_fall - self.fall, -1, self.count - self.highest_at)
        alarms = [up] if up[0] > self.threshold_up else []
        alarms += [down] if down[0] > self.threshold_down else []
        if not alarms:
            return None
        self.start()
        _, direction, since = max(alarms)
        return since, direction

    def state(self) -> list[float]:
        if self.count == 0:
            return [0.0] * 8
        extrema = [self.lowest_rise, self.highest_fall, self.lowest_at, self.highest_at]
        return [self.count, self.mean, self.rise, self.fall, *extrema]
