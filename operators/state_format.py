"""Bytes of a state, with what they are and in which format before them.

::

    2s  magic
    H   format, little-endian
    ..  msgpack, a struct's fields in their order
"""

from __future__ import annotations

import struct
from typing import Generic, TypeVar

import msgspec

from schemas.errors import StateVersionError

_HEAD = struct.Struct("<2sH")

State = TypeVar("State", bound=msgspec.Struct)


class StateFormat(Generic[State]):
    r"""How states of a kind are written and read.

    Parameters
    ----------
    magic
        Two bytes that tell these states from others.
    version
        Raised when an older release could misread the bytes.
    kind
        Of the state.

    Examples
    --------
    >>> class Count(msgspec.Struct, array_like=True):
    ...     records: int
    >>> counts = StateFormat(b"TC", 1, Count)
    >>> data = counts.pack(Count(7))
    >>> data, counts.unpack(data, "count of a")
    (b'TC\x01\x00\x91\x07', Count(records=7))
    """

    def __init__(self, magic: bytes, version: int, kind: type[State]) -> None:
        self._magic, self._version = magic, version
        self._decoder = msgspec.msgpack.Decoder(kind)

    def pack(self, state: State) -> bytes:
        """The bytes of a state."""
        return _HEAD.pack(self._magic, self._version) + msgspec.msgpack.encode(state)

    def unpack(self, data: bytes, name: str) -> State:
        """The state that `pack` made into bytes; ``name`` says in messages whose it is.

        Raises
        ------
        StateVersionError
            The format is not one that this release reads.
        """
        try:
            if _HEAD.unpack_from(data) == (self._magic, self._version):
                return self._decoder.decode(memoryview(data)[_HEAD.size :])
            what = f"format {_HEAD.unpack_from(data)[1]} is not one that this release reads ({self._version})"
        except (struct.error, msgspec.DecodeError) as error:
            what = f"cannot be read ({error})"
        message = f"{name}: {what}; upgrade tidemark or restore an older savepoint"
        raise StateVersionError(message)
