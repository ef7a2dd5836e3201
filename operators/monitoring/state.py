"""State of a monitor's key as bytes.

::

    2s  magic "TM"
    H   format, little-endian
    ..  msgpack array: the fields of `KeyState` in their order

The ring of slides is kept beside it (see sketch.py): it is read once a slide, this once a pane.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import msgspec

from operators.decisions.outputs import SignalChange
from operators.relations.domain_classifier import DomainState
from operators.sketches.seen import Seen
from operators.sketches.sketch import Slide
from schemas.errors import StateVersionError
from schemas.events import Role

FORMAT = 1  # raised when an older release could misread the bytes
_MAGIC = b"TM"
_HEAD = struct.Struct("<2sH")


@dataclass(frozen=True)
class Key:
    """Whose records they are: a model version's, all of them or those of a segment."""

    model: str
    version: str
    role: Role
    segment: str  # canonical text

    def __str__(self) -> str:
        return f"{self.model}/{self.version}/{self.segment}"


class Held(msgspec.Struct, array_like=True):
    """The alarms of a sequential detector, held for the evaluations after them."""

    track: int
    onset_ms: int  # of the first
    statistic: float  # of the newest
    threshold: float
    streak: int = 0  # of older releases, which waited for `confirm` evaluations
    left: int = 0  # evaluations for which it is still held
    direction: int = 0  # of the newest: 1 up, -1 down; 0 is not known


class Watch(msgspec.Struct, array_like=True):
    """A signal at which something is going on."""

    streaks: dict[str, int] = {}  # windowed detector -> evaluations in a row with an alarm
    held: list[Held] = []
    calm: int = 0  # evaluations in a row without an alarm, since it was opened
    turned: int = 0  # evaluations in a row that show a move opposite to the one told
    told: SignalChange | None = None  # what was said of it last; None: it is not open
    opened_ms: int = -(2**63)  # when it was opened; in state of older releases it is not told


class Still(msgspec.Struct, array_like=True):
    """The newest values of a signal, all of whole slides, that have all been one."""

    value: float
    values: int
    since_ms: int  # start of the first slide
    until_ms: int  # end of the last


class KeyState(msgspec.Struct, array_like=True):
    """What a monitor knows of one key."""

    made_for: bytes  # `Detection.id`: the profile, signals, detectors and windows it was made with
    first_ms: int  # event time of the first record
    pane_ms: int  # end of the newest pane that was folded
    records: int  # all that were counted
    slide: Slide | None  # being filled; None: asleep until the next record
    tracks: list[bytes]  # of the sequential detectors
    watches: dict[int, Watch] = {}  # by position of the signal
    octaves: bytes = b""  # how closely values follow each other, of signals of which the reference does not tell
    tau: bytes = b""  # what these came to at the end of the last slide
    still: dict[int, Still] = {}  # by position of the signal: numbers that do not vary at the moment
    seen: Seen = msgspec.field(default_factory=Seen)  # ids of the newest records, where they are watched
    shares: bytes = b""  # as octaves, of quality signals
    share_tau: bytes = b""  # what these came to
    domain: DomainState = msgspec.field(default_factory=DomainState)  # what its classifier has learned, if it has one
    accepted: bytes = b""  # what stands for the state of accepting.py; none: nothing was accepted
    layout: bytes = b""  # what its parts are of, see layout.py; none: an older release made it
    before: bytes = b""  # under the configuration before, whose chunks may still come; none: there was none

    def values_per_ms(self, slide_ms: int) -> float:
        """Rate of the key's records; in the first slide, when it is little more than a guess, as if that were over."""
        return self.records / max(self.pane_ms - self.first_ms, slide_ms)


_decoder = msgspec.msgpack.Decoder(KeyState)


def pack(state: KeyState) -> bytes:
    """The bytes of a state."""
    return _HEAD.pack(_MAGIC, FORMAT) + msgspec.msgpack.encode(state)


def unpack(key: Key, data: bytes) -> KeyState:
    """The state that `pack` made into bytes; ``key`` is named in messages.

    Raises
    ------
    StateVersionError
        The format is not one that this release reads.
    """
    if data[:2] != _MAGIC:
        message = f"state of {key}: begins with {data[:2]!r} (must be {_MAGIC!r}); restore another savepoint"
        raise StateVersionError(message)
    try:
        _, version = _HEAD.unpack_from(data)
        if version == FORMAT:
            return _decoder.decode(memoryview(data)[_HEAD.size :])
    except (struct.error, msgspec.DecodeError) as error:
        message = f"state of {key}: cannot be read ({error}); restore another savepoint"
        raise StateVersionError(message) from None
    message = (
        f"state of {key}: format {version} is not one that this release reads ({FORMAT}); "
        "upgrade tidemark or restore an older savepoint"
    )
    raise StateVersionError(message)
