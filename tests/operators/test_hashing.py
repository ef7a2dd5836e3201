from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.hashing import SEED, _hash, hash64, hash_rows
from tests.operators.signals import unhurried

WORD = 1 << 64
M, R = 0xC6A4_A793_5BD1_E995, 47


def murmur64a(text: bytes, seed: int) -> int:
    """MurmurHash64A in plain whole numbers, a last shorter word filled with zeros and mixed like the others."""
    h = seed ^ (len(text) * M % WORD)
    for at in range(0, len(text), 8):
        word = int.from_bytes(text[at : at + 8], "little") * M % WORD
        word = (word ^ (word >> R)) * M % WORD
        h = (h ^ word) * M % WORD
    h = (h ^ (h >> R)) * M % WORD
    return h ^ (h >> R)


@unhurried
@given(st.lists(st.binary(max_size=40)))
def test_twin(texts):
    """Each hash is what whole numbers give, whatever stands beside it in the batch."""
    assert hash64(texts).tolist() == [murmur64a(text, int(SEED)) for text in texts]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"", 7054402284858027361),
        (b"a1", 15255362081617288019),
        (b"\0", 10011319066783576415),
        (b"\0" * 8, 15092253596069839529),
        (b"abcdefgh" * 3, 18423312971144784005),
    ],
)
def test_known_values(text, value):
    """Orders of records, and states, hang on these numbers: they never change."""
    assert hash64([text]).tolist() == [value]


def test_the_compiled_loop_is_the_written_one():
    """The kernel gives what its Python text gives."""
    data, places = np.frombuffer(bytearray(b"hello, world"), np.uint8), np.array([[0, 5], [5, 5], [5, 12]])
    compiled, written = np.empty(3, np.uint64), np.empty(3, np.uint64)
    _hash(data, places, compiled)
    with np.errstate(over="ignore"):
        _hash.py_func(data, places, written)
    assert compiled.tolist() == written.tolist() == hash64([b"hello", b"", b", world"]).tolist()


def test_zeros_at_the_end_count():
    """Texts that differ only in zeros at their end differ in their hash."""
    assert len(set(hash64([b"a" + b"\0" * n for n in range(20)]).tolist())) == 20


@unhurried
@given(st.lists(st.lists(st.integers(0, WORD - 1), min_size=3, max_size=3)))
def test_rows(rows):
    """A row of numbers has the hash of its bytes."""
    expected = hash64([b"".join(word.to_bytes(8, "little") for word in row) for row in rows])
    assert hash_rows(np.array(rows, np.uint64).reshape(-1, 3)).tolist() == expected.tolist()


def test_one_kernel():
    """One compiled version serves all callers."""
    hash64([])
    hash64([b"a"])
    hash_rows(np.zeros((2, 3), np.uint64))
    assert len(_hash.signatures) == 1
