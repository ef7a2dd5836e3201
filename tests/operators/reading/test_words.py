import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.reading import words
from operators.reading.words import Texts, WordSet, lengths, word_hashes
from tests.oracles import words as oracle

# Of every kind: letters with and without case, marks, digits, ideographs in and beyond the table, blanks, emoji.
TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs", "Cn"]), st.sampled_from("aBzß9İ ,.-é\u0301猫カ𠀀👍")))


def hashes(text):
    return word_hashes(Texts([text]))[0].tolist()


@settings(deadline=None)
@given(TEXT)
def test_the_words_of_a_text(text):
    """As many words as the oracle finds, equal ones with equal hashes and others with others."""
    expected = oracle.words(text)
    found = hashes(text)
    assert found == [hashes(word)[0] for word in expected]
    assert len(set(found)) == len(set(expected))


def test_every_character_is_in_a_word_or_between_words():
    """Of all that Unicode has: letters, digits and marks are words here, alone; the rest none."""
    characters = [chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) not in ("Cs", "Cn")]
    _, ends = word_hashes(Texts(characters))
    found = np.diff(ends, prepend=0)
    expected = [unicodedata.category(character)[0] in "LNM" for character in characters]
    assert [hex(ord(c)) for c, many, is_one in zip(characters, found, expected, strict=True) if many != is_one] == []


@settings(deadline=None)
@given(
    st.lists(st.one_of(TEXT, st.none(), st.integers(), st.just([]))), st.sets(st.sampled_from(["a", "b9", "猫", "ß"]))
)
def test_measures_against_the_oracle(column, known):
    """Length is the number of characters, coverage the share of words that are known, as floats come out."""
    texts = Texts(column)
    vocabulary = WordSet(np.unique(word_hashes(Texts(sorted(known)))[0]))
    expected_lengths, expected = [], []
    for value in column:
        if value is None or value == []:
            expected_lengths.append(np.nan if value is None else np.inf)
            expected.append(expected_lengths[-1])
            continue
        found = oracle.words(str(value))
        expected_lengths.append(len(str(value)))
        expected.append(sum(word in known for word in found) / len(found) if found else np.nan)
    np.testing.assert_array_equal(lengths(texts), np.array(expected_lengths, float))
    np.testing.assert_array_equal(vocabulary.coverage(texts), np.array(expected, float))


@settings(deadline=None)
@given(st.lists(st.one_of(TEXT, st.none())), st.integers(0, 5))
def test_a_text_does_not_depend_on_its_neighbours(column, cut):
    """However a batch is cut, and in whatever kind of column it comes, its texts measure the same."""
    known = WordSet(np.unique(word_hashes(Texts(["a b9 猫"]))[0]))
    whole = Texts(column)
    kinds = [
        column,
        pa.array(column, pa.string()),
        pa.array(column, pa.large_string()),
        pa.array([None, *column]).cast(pa.string())[1:],
    ]
    for kind in kinds:
        parts = [Texts(kind[:cut]), Texts(kind[cut:])]
        for measure in (lengths, known.coverage):
            found = np.concatenate([measure(part) for part in parts])
            np.testing.assert_array_equal(found, measure(whole))


def test_what_is_no_text():
    """A number or a boolean is its text; a list or bytes are invalid, null is missing."""
    np.testing.assert_array_equal(lengths(Texts([12, 1.5, True, None, {}])), [2, 3, 4, np.nan, np.inf])
    np.testing.assert_array_equal(lengths(Texts(pa.array([1, None]))), [1, np.nan])
    np.testing.assert_array_equal(lengths(Texts(pa.array([b"ab", None]))), [np.inf, np.nan])
    np.testing.assert_array_equal(lengths(Texts(pa.nulls(2))), [np.nan, np.nan])


@pytest.mark.parametrize("data", [b"\xff\xfea", b"a\xe7\x8c", b"\x80\x80 b", b"\xf0\x9f"])
def test_bytes_that_are_no_utf8(data):
    """Parquet does not check its texts: what is no character stands between words, and nothing is read beyond."""
    texts = Texts(pa.array([data]).cast(pa.binary()).view(pa.string()))
    assert word_hashes(texts)[0].tolist() == [hashes(word)[0] for word in data.decode("ascii", "ignore").split()]


def test_a_full_set_of_words():
    """Every word of a large set is found, and no other."""
    known = [f"w{i}" for i in range(50_000)]
    vocabulary = WordSet(np.unique(word_hashes(Texts(known))[0]))
    assert vocabulary.coverage(Texts([" ".join(known)])).tolist() == [1.0]
    assert vocabulary.coverage(Texts([" ".join(f"x{i}" for i in range(1_000))])).tolist() == [0.0]


def test_kernels_are_compiled_once():
    """A second signature would compile again at run time, for seconds."""
    Texts(["a"]), Texts(pa.array(["a"]))
    for column in (["a", None], pa.array(["a"]), pa.array(["a"], pa.large_string()), [], pa.array([], pa.string())):
        texts = Texts(column)
        lengths(texts), word_hashes(texts), WordSet(np.array([5], np.uint32)).coverage(texts)
    for kernel in (words._lengths, words._hashes, words._coverage, words._fill):
        assert len(kernel.signatures) == 1
