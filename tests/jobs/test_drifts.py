import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.datasets import CHURN
from jobs.drifts import KINDS, Changes, Drift, drift
from schemas.errors import UsageError

ROWS = np.arange(10_000)


def changed(*texts, seed=0):
    """Give a block of churn before and after drifts."""
    block = next(CHURN.blocks(1))
    return block, Changes(CHURN, [drift(text) for text in texts]).apply(block, ROWS, np.random.default_rng(seed))


@given(
    st.sampled_from(["feature.age", "prediction", "country"]),
    st.sampled_from(KINDS),
    st.decimals(-10, 10, places=3),
    st.integers(0, 10**9),
)
def test_written_and_read(signal, kind, size, start):
    """A drift is read back from the text that messages show of it."""
    written = Drift(signal=signal, kind=kind, size=float(size), start=start)
    assert drift(f"{signal}:{kind}:{size}@{start}") == written


def test_shift():
    """A shift moves the values of its records by so many standard deviations, and touches nothing else."""
    before, after = changed("feature.age:shift:2@4000-6000")
    moved = after["feature.age"] - before["feature.age"]
    sd = moved[4000] / 2
    assert sd == pytest.approx(before["feature.age"].std(), rel=0.05)  # of this block and of the sample
    assert set(moved.round(6)) == {0.0, round(2 * sd, 6)}
    assert np.flatnonzero(moved).tolist() == list(range(4000, 6000))
    assert all((after[name] == before[name]).all() for name in before if name != "feature.age")


def test_scale():
    """A scale multiplies the spread and keeps the mean."""
    before, after = changed("feature.usage_hours:scale:3@0")
    assert after["feature.usage_hours"].std() == pytest.approx(3 * before["feature.usage_hours"].std())
    assert after["feature.usage_hours"].mean() == pytest.approx(before["feature.usage_hours"].mean(), rel=0.03)


def test_missing():
    """About the stated share of values is missing, of numbers and of names."""
    _, after = changed("feature.age:missing:0.25@0", "feature.plan:missing:0.5@0")
    assert np.isnan(after["feature.age"]).mean() == pytest.approx(0.25, abs=0.02)  # 4 sd of a share of 10,000
    assert np.mean([value is None for value in after["feature.plan"]]) == pytest.approx(0.5, abs=0.02)


def test_mix():
    """A mix of names makes them equally frequent in its share of the records; one of numbers adds outliers."""
    before, after = changed("country:mix:1@0", "feature.age:mix:0.1@0")
    shares = [np.mean(after["country"] == name) for name in set(before["country"])]
    assert max(shares) - min(shares) < 0.03
    assert np.mean(after["feature.age"] != before["feature.age"]) == pytest.approx(0.1, abs=0.012)


def test_segment():
    """A drift of a segment is in the records of that segment only, whatever type its field has."""
    before, after = changed("feature.age:shift:1@0/country=DE", "feature.discount:shift:1@0/autopay=True")
    assert ((after["feature.age"] != before["feature.age"]) == (before["country"] == "DE")).all()
    hit = np.array([value is True for value in before["feature.autopay"]])
    assert ((after["feature.discount"] != before["feature.discount"]) == hit).all()


def test_prediction():
    """The model's confidence follows a drift of its predictions."""
    _, after = changed("prediction:shift:-1.5@0")
    assert (after["confidence"] == np.abs(after["prediction"])).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age", "'age' is not a drift (SIGNAL:KIND:SIZE@FROM[-TO][/FIELD=VALUE], as in feature.age:shift:1.0@20000)"),
        ("feature.age:jump:1@0", "'feature.age:jump:1@0': 'jump' is not a kind (shift, scale, mix, missing)"),
        ("feature.age:shift:1@9-9", "'feature.age:shift:1@9-9': ends at 9, which is not after 9"),
        (
            "feature.plan:shift:1@0",
            "'feature.plan:shift:1@0': 'feature.plan' is categorical and knows no shift (mix, missing)",
        ),
        ("feature.age:mix:2@0", "'feature.age:mix:2@0': 2 is not a share (0 to 1)"),
    ],
)
def test_wrong(text, message):
    """What is wrong with a drift is said with what is allowed."""
    with pytest.raises(UsageError) as error:
        changed(text)
    assert str(error.value) == f"--drift: {message}"


@pytest.mark.parametrize("text", ["feature.agee:shift:1@0", "feature.age:shift:1@0/planet=Mars"])
def test_unknown(text):
    """A signal or field that is not there is answered with those that are."""
    with pytest.raises(UsageError, match=r"there is no (signal 'feature\.agee'|field 'planet') \(.*country, device\)$"):
        changed(text)
