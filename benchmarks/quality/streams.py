"""What is watched: a stream of columns, its reference, and when it truly changed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

SLIDES_A_WINDOW = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """A drift: all values from ``start`` up to ``end`` are of another distribution than the reference."""

    start: int  # position among the values after the reference
    end: int


@dataclass(frozen=True)
class Stream:
    """Columns of values, the same for all contenders."""

    name: str
    group: str  # a family of simulated streams, or a real data set
    change: str  # what happens in it
    reference: Floats  # shape (rows, columns)
    values: Floats  # what follows, shape (rows, columns)
    truths: tuple[Truth, ...]
    window: int  # values that windowed contenders compare with the reference
    named: tuple[bool, ...]  # of each column: whether its numbers stand for categories
    judged: bool = True  # whether the truth is known, so that alarms can be said to be right or false
    sizes: tuple[int, ...] = field(default=(), repr=False)  # values in each slide where the volume varies
    timed: bool = True  # whether the rows of the reference have times: else nobody knows in which order they came
    prolonged: int = 0  # values after the end of a drift in which alarms are neither right nor false

    @property
    def slide(self) -> int:
        """Values between evaluations of windowed contenders."""
        return self.window // SLIDES_A_WINDOW

    @property
    def slides(self) -> list[int]:
        """Values in each slide; the last may be shorter."""
        if self.sizes:
            return list(self.sizes)
        whole, rest = divmod(len(self.values), self.slide)
        return [self.slide] * whole + ([rest] if rest else [])

    @property
    def horizon(self) -> int:
        """Values after the start of a drift in which it is to be found."""
        return 4 * self.window
