"""States with their format before them: what this release does not read is refused, never misread."""

from __future__ import annotations

import msgspec
import pytest

from operators.state_format import StateFormat
from schemas.errors import StateVersionError


class Count(msgspec.Struct, array_like=True):
    """A state."""

    records: int


FORMAT = StateFormat(b"TC", 3, Count)


def test_a_state_comes_back():
    """As it was."""
    assert FORMAT.unpack(FORMAT.pack(Count(7)), "count of a") == Count(7)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"TC\x04\x00\x91\x07", "format 4 is not one that this release reads (3)"),
        (b"", "cannot be read (unpack_from requires a buffer of at least 4 bytes"),
        (b"TC\x03\x00\x91", "cannot be read (Input data was truncated)"),
        (b"TC\x03\x00\x91\xa1a", "cannot be read (Expected `int`, got `str`"),
    ],
)
def test_what_is_not_read_is_said(data, what):
    """Whose it is, why, and what to do."""
    with pytest.raises(StateVersionError) as raised:
        FORMAT.unpack(data, "count of a")
    assert str(raised.value).startswith(f"count of a: {what}")
    assert str(raised.value).endswith("; upgrade tidemark or restore an older savepoint")


def test_other_states_are_refused():
    """Even in a format of the same number."""
    with pytest.raises(StateVersionError):
        FORMAT.unpack(b"TX\x03\x00\x91\x07", "count of a")
