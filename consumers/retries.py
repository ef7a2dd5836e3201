"""How often what failed is tried again: waits that grow, and are never quite the same in two listeners."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


class RetryLater(Exception):
    """Raised by a handler that wants to be tried again, and may know when, as of a server that says ``Retry-After``.

    Attributes
    ----------
    after_s : float
        How long to wait at least.
    """

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class GiveUp(Exception):
    """Raised by a handler that knows that trying again is no use: the event goes to the dead letters at once."""


@dataclass(frozen=True)
class Retries:
    """When to try again, and how long.

    Parameters
    ----------
    within_s : float
        Waiting and working time after which no further attempt is made; 0: one attempt only.
    first_s : float
        Longest wait before the second attempt; it doubles from one attempt to the next ...
    longest_s : float
        ... up to this. Long waits spare an endpoint that is down for an hour, and find it up late.
    """

    within_s: float = 300.0
    first_s: float = 1.0
    longest_s: float = 60.0

    def waits(self, chance: random.Random) -> Iterator[float]:
        """Seconds to wait before the second attempt, the third and so on, without end.

        A random half of each wait is left off: listeners that failed together do not come back together.

        Examples
        --------
        >>> from itertools import islice
        >>> [wait <= 2**n for n, wait in enumerate(islice(Retries().waits(random.Random(1)), 6))]
        [True, True, True, True, True, True]
        """
        longest = self.first_s
        while True:
            yield longest * chance.uniform(0.5, 1.0)
            longest = min(2 * longest, self.longest_s)
