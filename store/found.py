"""What is read from the store; times are milliseconds since 1970 UTC."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Episode:
    """An episode as its newest event tells it."""

    episode: str
    incident: str
    source: str
    model: str
    version: str
    segment: str  # canonical text
    kind: str
    severity: str
    role: str
    onset_ms: int
    detected_ms: int
    updated_ms: int
    ended_ms: int | None  # None: it goes on
    why: str | None  # it has ended
    judgement: str | None
    muted: bool
    message: str


@dataclass(frozen=True)
class Request:
    """A retrain request as its newest event tells it."""

    request: str
    source: str
    model: str
    version: str
    state: str  # requested, waiting, blocked, withdrawn, overdue, completed
    time_ms: int
    updated_ms: int
    message: str


@dataclass(frozen=True)
class Key:
    """A segment of a model version, and its newest window."""

    source: str
    model: str
    version: str
    segment: str
    about: str  # records, performance, errors, labels
    end_ms: int
    count: int
    size_ms: int
    status: str

    @property
    def per_s(self) -> float:
        """Records or labels a second, in the newest window."""
        return 1000 * self.count / self.size_ms if self.size_ms else 0.0


@dataclass(frozen=True)
class Evaluated:
    """A window of a key."""

    start_ms: int
    end_ms: int
    count: int
    status: str
    exceeded: int
    expected: float


@dataclass(frozen=True)
class Held:
    """Whether thresholds hold: evaluations over them, and how many there would be if nothing had changed."""

    windows: int
    records: int  # of windows, which may overlap
    exceeded: int
    expected: float


@dataclass(frozen=True)
class Day:
    """What the windows of records come to that end in a day."""

    day_ms: int  # its beginning
    held: Held


@dataclass(frozen=True)
class Fleet:
    """A model among all of them."""

    model: str
    versions: tuple[str, ...]  # of which there are windows, those with the newest first
    newest_ms: int | None  # end of its newest window; None: there is none
    per_s: float  # records, in the newest window of the whole traffic
    status: str | None  # of that window: ok, alarm, insufficient; None: there is none
    warning: int  # episodes that go on
    critical: int
    held: Held  # since the time that was asked for, by whole days
    # Share of predictions with labels, in the newest window that tells it; else labels for each record as they come.
    labelled: float | None
    muted: bool  # the newest event of an episode that goes on says so


@dataclass(frozen=True)
class Letters:
    """Dead letters of a source that say the same, of the days that were asked for."""

    job: str
    source: str  # name in the configuration
    reason: str  # dead, late
    error: str
    number: int
    last_ms: int
    places: tuple[str, ...]  # of some of the last
