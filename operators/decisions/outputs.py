"""Outputs: what the monitors of a model's segments tell its policy."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.control import Command
from schemas.events import Kind, Role, Severity, SignalEvidence, SliceEvidence, Span, Why, Window
from schemas.profile import Level

ProfileKind = Literal["profile", "learned", "previous", "accepted"]


class SignalChange(msgspec.Struct, frozen=True, kw_only=True, tag="signal"):
    """A signal's confirmed state has changed: at the end of a slide, or of a pane within it."""

    time_ms: int  # end of the slide or pane
    model: str
    version: str
    role: Role
    segment: str  # canonical text
    kind: Kind
    state: Literal["opened", "changed", "recovered"]
    level: Level
    severity: Severity
    onset_ms: int
    empty: bool  # evaluated in a slide without records of this key
    window: Window  # its share is filled in by the policy
    unfinished: int = 0  # of its records, those of a slide that is not over yet
    of: int  # signals of this kind that the model has
    profile_id: str
    profile_kind: ProfileKind = "profile"
    previous: Span | None = None  # that the window was compared with, if not with a profile
    evidence: SignalEvidence  # for `recovered` what was told last
    why: Why | None = None  # `recovered` only
    predicted: Span | None = None  # when the records of the window were predicted; None: in the window


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """The model had records in the slide that ends at `time_ms`; sent by the key of the segment `all`."""

    time_ms: int
    model: str
    version: str
    records: int  # in the slide, or in a part of it
    role: Role = "champion"
    level: float = 0.0  # of one test of the key at one evaluation, for the volume; 0: it has no reference yet


class Learned(msgspec.Struct, frozen=True, kw_only=True, tag="learned"):
    """The first records of a key have become its reference."""

    time_ms: int  # end of the pane with the last of them
    model: str
    version: str
    role: Role
    segment: str  # canonical text
    profile_id: str
    records: int
    signals: int
    start: str  # event times of the first and the last of them, as text
    end: str


class Places(msgspec.Struct, frozen=True, kw_only=True, tag="places"):
    """Where in a topic the records of a model's champions stand whose slide ends at `time_ms`."""

    time_ms: int
    topic: str
    offsets: dict[int, tuple[int, int]]  # by partition: the first, and one more than the last


class LabelsCame(msgspec.Struct, frozen=True, kw_only=True, tag="labels"):
    """Labels that found predictions in the slide that ends at `time_ms`."""

    time_ms: int
    predicted: dict[int, int]  # end of the slide of the earliest prediction of the id -> labels


class Measures(msgspec.Struct, frozen=True, kw_only=True, tag="measures"):
    """What performance was measured of a version's whole traffic, in the newest window with enough labels."""

    time_ms: int
    model: str
    version: str
    values: dict[str, float]  # by measure; those that are undefined are left out


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """What somebody tells the job about the model."""

    time_ms: int
    id: str  # of the message
    command: Command


class SliceAlarms(msgspec.Struct, frozen=True, kw_only=True, tag="slice"):
    """Signals that alarm in the window of a segment, confirmed or not."""

    time_ms: int
    until_ms: int  # it is evaluated again by then
    model: str
    version: str
    segment: str  # canonical text
    found: list[SliceEvidence]


class Rebased(msgspec.Struct, frozen=True, kw_only=True, tag="rebased"):
    """Signals of a key are compared with a window that somebody has accepted, or are not any more."""

    time_ms: int  # end of the pane of the message
    id: str  # of the message
    model: str
    version: str
    role: Role
    segment: str  # canonical text
    episode: str
    signals: list[str]
    undone: bool  # they are compared with the profile again
    profile_id: str
    records: int  # of the window
    start: str  # of the window, as text
    end: str
    by: str
    why: str


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """Nothing follows from what somebody told the job."""

    time_ms: int
    id: str  # of the message
    model: str
    what: str  # it asks for
    about: str  # the episode or request
    why: str
    by: str


Output = SignalChange | Progress | Learned | Places | LabelsCame | Measures | Told | SliceAlarms | Rebased | Refused

_decoder: msgspec.msgpack.Decoder[Output] = msgspec.msgpack.Decoder(Output)


def encode(output: Output) -> bytes:
    """The bytes that travel between operators; floats unchanged."""
    return msgspec.msgpack.encode(output)


def decode(data: bytes) -> Output:
    """Read what `encode` wrote."""
    return _decoder.decode(data)
