import gzip
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.profiles.vocabulary import WordCounts, read_vocabulary, word_hashes_of
from operators.reading.words import Texts, WordSet, word_hashes
from schemas.errors import DataError

WORDS = "abcdefghij"
TEXTS = st.lists(st.text(st.sampled_from(WORDS + "   ")), max_size=30)


def hashed(*texts):
    return sorted(set(word_hashes(Texts(list(texts)))[0].tolist()))


def records_by_word(texts):
    return Counter(word for text in texts for word in set(text.split()))


@settings(deadline=None)
@given(TEXTS, st.integers(0, 30), st.integers(1, 4), st.integers(0, 8))
def test_vocabulary_against_plain_counts(texts, cut, records, most):
    """The words in enough records, the most frequent of them, whatever the order and pieces of the records."""
    counts, expected = WordCounts(), records_by_word(texts)
    for part in (texts[cut:], texts[:cut]):
        counts.add(Texts(part))
    assert dict(zip(counts.hashes().tolist(), counts.counts().tolist(), strict=True)) == {
        hashed(word)[0]: n for word, n in expected.items()
    }
    made, sure = counts.vocabulary(records, most)
    least = made.records
    assert word_hashes_of(made).tolist() == hashed(*(word for word, n in expected.items() if n >= least))
    assert sure.tolist() == hashed(*(word for word, n in expected.items() if n > least))
    assert len(word_hashes_of(made)) <= most
    fits = next(n for n in range(100) if sum(count >= n for count in expected.values()) <= most)
    assert least == max(records, fits)


@settings(deadline=None)
@given(TEXTS)
def test_a_record_is_measured_by_the_others(texts):
    """The reference's own records are measured as if each had not been counted."""
    counts = WordCounts()
    counts.add(Texts(texts))
    made, sure = counts.vocabulary(2)
    known = WordSet(sure)
    for number, text in enumerate(texts):
        others = records_by_word(texts[:number] + texts[number + 1 :])
        found = text.split()
        expected = sum(others[word] >= made.records for word in found) / len(found) if found else np.nan
        np.testing.assert_array_equal(known.coverage(Texts([text])), [expected])


def test_coverage_of_the_reference_is_that_of_later_records():
    """Without that, half of all words of a language, which are rare, would seem to be new in later texts."""
    rng = np.random.default_rng(1)
    texts = [" ".join(f"w{i}" for i in rng.zipf(1.3, 12)) for _ in range(4_000)]
    counts = WordCounts()
    counts.add(Texts(texts[:2_000]))
    made, sure = counts.vocabulary()
    own, later = (
        WordSet(sure).coverage(Texts(texts[:2_000])),
        WordSet(word_hashes_of(made)).coverage(Texts(texts[2_000:])),
    )
    error = np.hypot(own.std(), later.std()) / np.sqrt(2_000)
    assert abs(own.mean() - later.mean()) < 3 * error
    naive = WordSet(word_hashes_of(made)).coverage(Texts(texts[:2_000]))
    assert naive.mean() - later.mean() > 5 * error


def test_more_words_than_are_counted():
    """Memory is bounded; frequent words stay exact."""
    counts = WordCounts(limit=1_000)
    for start in range(0, 20_000, 500):
        counts.add(Texts(["often", *(f"w{i}" for i in range(start, start + 500))]))
    assert len(counts.hashes()) <= 1_000
    assert counts.counts()[counts.hashes().tolist().index(hashed("often")[0])] == 40


def test_a_file(tmp_path):
    """A word a line; case, counts behind tabs and packing do not matter, and the order neither."""
    (tmp_path / "a.txt").write_text("Gold\nsilver\t12\n\n##ing\n")
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write("ing\nsilver\ngold\n")
    one, other = (read_vocabulary(str(tmp_path / name)) for name in ("a.txt", "b.txt.gz"))
    assert one == other
    assert (word_hashes_of(one).tolist(), one.records) == (hashed("gold silver ing"), None)


def test_a_file_of_no_use(tmp_path):
    """Each says what is wrong and what it should be."""
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    (tmp_path / "empty").write_bytes(b"--\n")
    for name, what in {
        "nowhere": "cannot be read (no such file or directory)",
        "latin": "is not UTF-8; save it as such, a word a line",
        "empty": "has no words (a word a line)",
    }.items():
        with pytest.raises(DataError) as caught:
            read_vocabulary(str(tmp_path / name))
        assert str(caught.value) == f"vocabulary {tmp_path / name}: {what}"
