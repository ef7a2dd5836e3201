"""ADWIN as the paper tells it, in plain floats: a list of buckets, oldest first, and every border tried."""

from __future__ import annotations

import math
from typing import NamedTuple

CLOCK, MIN_WINDOW, GRACE, MAX_BUCKETS = 32, 5, 10, 5


class Bucket(NamedTuple):
    size: int
    total: float
    variance: float  # sum of squared deviations


def merged(a: Bucket, b: Bucket) -> Bucket:
    between = a.size * b.size * (a.total / a.size - b.total / b.size) * (a.total / a.size - b.total / b.size)
    return Bucket(a.size + b.size, a.total + b.total, a.variance + b.variance + between / (a.size + b.size))


class Adwin:
    def __init__(self, delta: float, keep: bool) -> None:
        self.delta = delta
        self.keep = keep
        self.start()

    def start(self) -> None:
        self.buckets: list[Bucket] = []
        self.width = 0
        self.total = 0.0
        self.variance = 0.0
        self.tick = 0

    def update(self, value: float) -> tuple[int, int] | None:
        """Take the next value; return since and direction of an alarm."""
        self.add(value)
        self.tick += 1
        if self.tick < CLOCK:
            return None
        self.tick = 0
        if self.width <= GRACE:
            return None
        found = None
        while (cut := self.cut()) is not None:
            found = cut
            self.drop_oldest()
        if found is not None and not self.keep:
            self.start()
        return found

    def add(self, value: float) -> None:
        if self.width > 0:
            deviation = value - self.total / self.width
            self.variance += self.width * deviation * deviation / (self.width + 1)
        self.width += 1
        self.total += value
        self.buckets.append(Bucket(1, value, 0.0))
        size = 1
        while sum(bucket.size == size for bucket in self.buckets) > MAX_BUCKETS:
            i = next(i for i, bucket in enumerate(self.buckets) if bucket.size == size)
            self.buckets[i : i + 2] = [merged(self.buckets[i], self.buckets[i + 1])]
            size *= 2

    def cut(self) -> tuple[int, int] | None:
        """Return the values on the recent side of the first border where the means differ, and which way."""
        old, old_total, recent_total = 0, 0.0, self.total
        for bucket in self.buckets[:-1]:
            old += bucket.size
            old_total += bucket.total
            recent_total -= bucket.total
            recent = self.width - old
            if old >= MIN_WINDOW and recent >= MIN_WINDOW:
                difference = old_total / old - recent_total / recent
                if abs(difference) > self.epsilon(old, recent):
                    return recent, -1 if difference > 0 else 1
        return None

    def epsilon(self, old: int, recent: int) -> float:
        m = 1 / (old - MIN_WINDOW + 1) + 1 / (recent - MIN_WINDOW + 1)
        prime = math.log(2 * math.log(self.width) / self.delta)
        return math.sqrt(2 * m * (self.variance / self.width) * prime) + 2 / 3 * prime * m

    def drop_oldest(self) -> None:
        """Drop the oldest bucket; the sums are those of the buckets left."""
        self.buckets.pop(0)
        whole = self.buckets[0]
        for bucket in self.buckets[1:]:
            whole = merged(whole, bucket)
        self.width, self.total, self.variance = whole
