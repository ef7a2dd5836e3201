"""The domain classifier: what it is shown, what it says of a slide, and what of it is kept."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from operators.detectors import river
from operators.encoding.chunks import Pane
from operators.encoding.codes import ABSENT, MISSING
from operators.relations import domain_classifier
from operators.relations.domain_cells import PAIRS, Cells, cell_table, closest_pairs
from operators.relations.domain_classifier import AGE, SAMPLE, UNIT, DomainState, judged, sampled
from operators.relations.domain_sample import RECORDS, domain_reference, fit_sample
from schemas.profile import Relations
from tests.operators.signals import categorical_signal, codes_of, continuous_signal

COUNT = 10_000
VALUES = np.random.default_rng(1).normal(size=(COUNT, 3))
SIGNALS = {f"feature.{name}": continuous_signal(VALUES[:, n]) for n, name in enumerate("abc")}
SIGNALS["feature.d"] = categorical_signal([6_000, 3_000, 1_000])
RELATIONS = Relations(columns=dict.fromkeys(SIGNALS, 1), sums=b"", variances=b"", tau=b"")


def coded(values, seed=0):
    """Codes of records: three numbers, and a category of three."""
    numbers = [codes_of(values[:, n], SIGNALS[f"feature.{name}"].edges) for n, name in enumerate("abc")]
    names = np.random.default_rng(seed).choice(3, size=len(values), p=[0.6, 0.3, 0.1])
    return np.column_stack([*numbers, names]).astype(np.uint8)


SAMPLED = fit_sample(SIGNALS, RELATIONS, coded(VALUES))
REFERENCE = domain_reference(SAMPLED, RELATIONS, SIGNALS, list(SIGNALS))
assert REFERENCE is not None


def pane(codes, hashes):
    """A pane with what is asked for."""
    nothing = np.zeros((3, 5), np.int64)
    return Pane(60_000, np.arange(len(codes)), codes, nothing, np.empty((len(codes), 0)), hashes=hashes)


def drawn(seed, related=0.0, count=500):
    """Codes of records of a slide, of which the first two features may be related, and hashes of their ids."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 3))
    values[:, 1] = related * values[:, 0] + np.sqrt(1 - related**2) * values[:, 1]
    return coded(values, seed), rng.integers(0, 2**63, count).astype(np.uint64)


def slides(state, seeds, related=0.0):
    """What is said of some slides."""
    found = []
    for seed in seeds:
        sampled(state, REFERENCE, pane(*drawn(seed, related)))
        found.append(judged(state, REFERENCE))
    return found


def auc(told):
    """Share of pairs in the right order."""
    return sum(one[1] for one in told) / (2 * sum(one[0] for one in told) * len(REFERENCE.held))


def test_cells_are_those_of_a_plain_reading():
    """A quarter of each number, the category, and each two of them."""
    codes = coded(VALUES[:50])
    codes[3, 1] = MISSING
    keys = REFERENCE.cells.keys(codes)
    tables = [cell_table(signal) for signal in SIGNALS.values()]
    for record, row in zip(codes.tolist(), keys.tolist(), strict=True):
        cells = [int(table[code]) for (table, _), code in zip(tables, record, strict=True)]
        starts, wanted = 0, []
        for cell, (_, many) in zip(cells, tables, strict=True):
            wanted.append(starts + cell)
            starts += many
        for a in range(4):
            for b in range(a + 1, 4):
                wanted.append(starts + cells[a] * tables[b][1] + cells[b])
                starts += tables[a][1] * tables[b][1]
        assert row == wanted
    assert REFERENCE.cells.size == starts
    shares = np.bincount(REFERENCE.learned[:, 0], minlength=4)[:4] / len(REFERENCE.learned)
    assert shares == pytest.approx([0.25] * 4, abs=0.03)


def test_the_sample_is_of_both_halves_of_the_reference():
    """Both of as many records, none in both."""
    assert (len(REFERENCE.learned), len(REFERENCE.held)) == (RECORDS // 2, RECORDS // 2)
    assert pytest.approx(RECORDS / COUNT) == SAMPLED.share
    numbered = np.arange(160)[:, None].repeat(4, axis=1).astype(np.uint8)
    few = fit_sample(SIGNALS, RELATIONS, numbered)
    rows = np.frombuffer(few.codes, np.uint8).reshape(-1, 4)[:, 0]
    assert sorted(rows.tolist()) == list(range(160))
    assert {int(row) // 10 % 2 for row in rows[: few.learned]} == {0}


def test_of_many_features_the_most_related_pairs_are_looked_at():
    """And of few all of them."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1_000, 30))
    values[:, 29] = values[:, 3]
    signals = [continuous_signal(column) for column in values.T]
    codes = np.column_stack([codes_of(column, one.edges) for column, one in zip(values.T, signals, strict=True)])
    pairs = closest_pairs(signals, codes.astype(np.uint8))
    assert len(pairs) == PAIRS
    assert [3, 29] in pairs.tolist()
    assert len(closest_pairs(signals[:5], codes[:, :5].astype(np.uint8))) == 10


def test_the_sample_of_a_slide_does_not_depend_on_panes():
    """The records with the lowest hashes, in whatever panes they come."""
    codes, hashes = drawn(3, count=900)
    whole = DomainState()
    sampled(whole, REFERENCE, pane(codes, hashes))
    order = np.random.default_rng(0).permutation(len(codes))
    parts = DomainState()
    for part in np.array_split(order, 7):
        sampled(parts, REFERENCE, pane(codes[part], hashes[part]))
    assert (parts.hashes, parts.codes) == (whole.hashes, whole.codes)
    kept = np.argsort(hashes)[:SAMPLE]
    assert np.frombuffer(whole.codes, np.uint8).reshape(-1, 4).tolist() == codes[kept].tolist()


def test_records_that_do_not_carry_a_feature_are_left_out():
    """They could be told by that alone."""
    codes, hashes = drawn(3, count=100)
    codes[::2, 1] = ABSENT
    state = DomainState()
    sampled(state, REFERENCE, pane(codes, hashes))
    assert len(state.hashes) == 8 * 50


def test_what_it_says_is_the_auc_of_rivers_own_predictions():
    """Of the sample before it is learned, beside the held records."""
    state = DomainState()
    assert slides(state, range(3), related=0.8)[0] == []
    learner = river.read(state.older, "")
    codes, hashes = drawn(50, related=0.8)
    sampled(state, REFERENCE, pane(codes, hashes))
    told = judged(state, REFERENCE)
    shown = REFERENCE.cells.keys(codes[np.argsort(hashes)[:SAMPLE]])
    scores = [
        learner.predict_proba_one(dict.fromkeys(row, 1.0))[True] for row in [*shown.tolist(), *REFERENCE.held.tolist()]
    ]
    truth = [1] * SAMPLE + [0] * len(REFERENCE.held)
    assert auc([told]) == pytest.approx(roc_auc_score(truth, scores), abs=1e-6)
    added = np.array(told[2:]) / UNIT / SAMPLE
    logits = np.log(np.array(scores) / (1 - np.array(scores))) - learner.intercept
    assert added[:4].sum() == pytest.approx(logits[:SAMPLE].mean(), abs=1e-6)
    assert added[4:].sum() == pytest.approx(logits[SAMPLE:].mean(), abs=1e-6)


def test_a_relation_is_learned_and_nothing_else():
    """Marginals are as they were; the two features that are related add what tells."""
    calm = slides(DomainState(), range(100, 112))
    assert abs(auc(calm[1:]) - 0.5) < 3 * np.sqrt((1 / (11 * SAMPLE) + 1 / len(REFERENCE.held)) / 12)
    told = slides(DomainState(), range(12), related=0.6)
    assert auc(told[6:]) > 0.6
    total = np.sum(told[6:], axis=0)
    added = (total[2:6] - total[6:]) / (UNIT * total[0])
    assert set(np.argsort(-added)[:2].tolist()) == {0, 1}


def test_a_younger_one_takes_over(monkeypatch):
    """It begins when the older one has learned enough, and follows it when it is as old."""
    state = DomainState()
    seen = []
    for seed in range(2 * AGE // SAMPLE + 2):
        slides(state, [seed])
        seen.append((state.age, bool(state.younger)))
    first = AGE // SAMPLE
    assert seen[first - 1 : first + 1] == [(AGE, False), (AGE + SAMPLE, True)]
    assert seen[2 * first - 1 : 2 * first + 1] == [(AGE, False), (AGE + SAMPLE, True)]
    monkeypatch.setattr(domain_classifier.river, "HEAD", b"river 99\n")
    assert slides(state, [99]) == [[]]  # what another version wrote is not read
    assert (state.age, state.younger) == (SAMPLE, b"")


def test_features_that_are_not_watched_are_left_out():
    """With their pairs; of one alone nothing is told."""
    fewer = domain_reference(SAMPLED, RELATIONS, SIGNALS, ["feature.c", "feature.a", "prediction"])
    assert fewer is not None
    assert (fewer.names, fewer.positions.tolist(), len(fewer.cells.one)) == (("a", "c"), [1, 0], 1)
    assert domain_reference(SAMPLED, RELATIONS, SIGNALS, ["feature.a"]) is None


def test_no_pairs_no_keys():
    """Cells of features alone are all there is without pairs."""
    cells = Cells(list(SIGNALS.values())[:1], np.zeros((0, 2), np.int64))
    assert cells.keys(np.array([[0], [255]], np.uint8)).tolist() == [[0], [4]]
