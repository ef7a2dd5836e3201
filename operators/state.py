"""State of a monitor's key as bytes.

::

    2s  magic "TM"
    H   format, little-endian
    8s  hash of what the state was made for: profile and signals
    ..  msgpack array: the fields of `KeyState` in their order

The ring of slides is kept beside it (see sketch.py): it is read once a slide, this once a pane.
"""

from __future__ import annotations

import hashlib
import struct

import msgspec

from operators.sketch import Slide
from schemas.errors import StateVersionError
from schemas.events import SignalEvidence
from schemas.profile import Level

FORMAT = 1  # raised when an older release could misread the bytes
_MAGIC = b"TM"
_HEAD = struct.Struct("<2sH8s")


class Held(msgspec.Struct, array_like=True):
    """A sequential alarm, held for the evaluations after it."""

    track: int
    onset_ms: int
    statistic: float
    threshold: float
    evaluations: int = 0  # at which it was an alarm
    left: int = 0  # evaluations for which it is still held


class Watch(msgspec.Struct, array_like=True):
    """A signal at which something is going on."""

    streaks: dict[str, int] = {}  # windowed detector -> evaluations in a row with an alarm
    held: list[Held] = []
    open: bool = False
    calm: int = 0  # evaluations in a row without an alarm, since it was opened
    level: Level = "negligible"  # the highest since it was opened
    onset_ms: int = 0
    evidence: SignalEvidence | None = None  # of the newest alarm


class KeyState(msgspec.Struct, array_like=True):
    """What a monitor knows of one key."""

    first_ms: int  # start of the first pane
    pane_ms: int  # end of the newest pane that was folded
    records: int  # all that were counted
    slide: Slide | None  # being filled; None: asleep until the next record
    tracks: list[bytes]  # of the sequential detectors
    watches: dict[int, Watch] = {}  # by position of the signal


_decoder = msgspec.msgpack.Decoder(KeyState)


def pack(plan_id: str, state: KeyState) -> bytes:
    """The bytes of a state."""
    return _HEAD.pack(_MAGIC, FORMAT, _hash(plan_id)) + msgspec.msgpack.encode(state)


def unpack(plan_id: str, key: str, data: bytes) -> KeyState | None:
    """The state that `pack` made into bytes; None if it was made for another profile or other signals.

    Raises
    ------
    StateVersionError
        The format is not one that this release reads.
    """
    magic, version, made_for = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (data[:2], 0, b"")
    if magic != _MAGIC:
        message = f"state of {key}: begins with {magic!r} (must be {_MAGIC!r}); restore another savepoint"
        raise StateVersionError(message)
    if version != FORMAT:
        message = (
            f"state of {key}: format {version} is not one that this release reads ({FORMAT}); "
            "upgrade tidemark or restore an older savepoint"
        )
        raise StateVersionError(message)
    if made_for != _hash(plan_id):
        return None
    return _decoder.decode(data[_HEAD.size :])


def _hash(plan_id: str) -> bytes:
    return hashlib.blake2b(plan_id.encode(), digest_size=8).digest()
