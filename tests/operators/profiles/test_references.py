from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from config.plan import DetectorPlan, FeaturePlan, PredictionPlan
from operators.encoding.codes import OTHER
from operators.profiles.references import ModelSignals, References, natural
from tests.operators.decoding import FEATURES, job, model, named, numeric, profile
from tests.operators.panes import detection
from tests.operators.signals import categorical_signal

ROOT = Path(__file__).parents[3]


def test_signals_in_order():
    """Features in the order of the configuration, then prediction and confidence where the profile has them."""
    shuffled = dict(reversed(profile().signals.items()))
    signals = ModelSignals(model(), profile(signals=shuffled))
    names = ("feature.age", "feature.income", "feature.plan", "feature.member", "prediction", "confidence")
    assert signals.names == names
    assert signals.kinds == ("feature",) * 4 + ("prediction", "confidence")
    assert (signals.numeric, signals.named, signals.raw) == ((0, 1, 5), (2, 3, 4), ())


def test_raw_values_of_numbers_only():
    """Signals are raw where one of their detectors asks for it, and are numbers."""
    raw = (DetectorPlan(name="adwin", input="raw"),)
    features = tuple(msgspec.structs.replace(feature, detectors=raw) for feature in FEATURES[1:])
    assert ModelSignals(model(features=features), profile()).raw == (0,)


@pytest.mark.parametrize(
    ("versions", "wanted", "found"),
    [
        (["1.9", "1.10"], "1.10", "1.10"),
        (["1.9", "1.10"], "1.9.5", "1.9"),
        (["1.9", "1.10"], "2", "1.10"),
        (["1.9", "1.10"], "1", "1.9"),
        (["1.9", "1.10"], "v1", "1.10"),
        (["1.9", "1.10"], "²", "1.10"),
        (["1.9", "1.10"], "9" * 200, "1.10"),
        (["1.9", "1.10"], "", "1.9"),
        ([""], "anything", ""),
    ],
)
def test_the_profile_of_a_version(versions, wanted, found):
    """A version takes its own profile, else the newest before it, else the oldest; one without a version is for all."""
    profiles = {version: profile(version=version) for version in versions}
    references = References(job(profiles={"churn": profiles}))
    signals = references.find("churn", wanted)
    assert signals.profile is profiles[found]
    assert references.find("churn", wanted) is signals


def test_versions_that_are_ignored():
    """Versions without a profile are nobody's where the configuration ignores them."""
    references = References(job(models=(model(on_unknown_version="ignore"),), profiles={"churn": {"3": profile()}}))
    assert references.find("churn", "4") is None
    assert references.find("churn", "3") is not None


def test_the_newest_profile():
    """Any profile of a model is its newest."""
    profiles = {version: profile(version=version) for version in ("1.10", "1.9")}
    assert References(job(profiles={"churn": profiles})).any("churn").profile is profiles["1.10"]


def test_natural_order():
    """Numbers in versions count as numbers, those of ASCII; all else as text after them."""
    assert sorted(["v10", "v9", "1.10", "1.9", "²", "", "1"], key=natural) == ["", "1", "1.9", "1.10", "v9", "v10", "²"]


def test_what_codes_mean():
    """Codes mean the same for the same signals and bins, and something else for any other."""
    same = ModelSignals(model(), profile()).meaning
    assert ModelSignals(model(), profile()).meaning == same
    fewer = model(features=FEATURES[:3])
    raw = model(
        features=(
            msgspec.structs.replace(FEATURES[0], detectors=(DetectorPlan(name="adwin", input="raw"),)),
            *FEATURES[1:],
        )
    )
    other = profile(signals=profile().signals | {"feature.age": numeric(1.0)})
    others = [(fewer, profile()), (raw, profile()), (model(), other), (model(disclose=101), profile())]
    meanings = {ModelSignals(*pair).meaning for pair in others}
    assert len(meanings | {same}) == 5
    assert all(0 <= meaning < 2**32 for meaning in meanings)


def test_rare_names():
    """Names with fewer records than may be disclosed are counted with the rest; listed classes and booleans are not."""
    rare = msgspec.structs.replace(named("b", "a"), categories=(("b", 30), ("a", 19)), count=60, rest=11)
    signals = profile().signals | {"feature.plan": rare, "feature.member": rare, "prediction": rare}
    for prediction, kept in ((PredictionPlan(task="multiclass", classes=("a",)), 2), (None, 1)):
        of = ModelSignals(model(prediction=prediction), profile(signals=signals))
        found = dict(zip(of.names, of.signals, strict=True))
        assert found["feature.plan"].categories == (("b", 30),)
        assert found["feature.plan"].rest == 30
        assert found["feature.member"] is rare
        assert len(found["prediction"].categories) == kept


def test_codes_do_not_change_with_what_they_are_compared_with():
    """Where all others were counted together they still are, though a segment's reference has none of them."""
    plan = categorical_signal([500, 400], rest=100)
    of = detection({"plan": plan}).signals
    other = of.compared_with((categorical_signal([500, 400]),))
    assert other.category_coders[0].absent == OTHER
    assert (other.meaning, other.kind) == (of.meaning, "profile")


def test_a_feature_of_another_type():
    """Text features and such are no signals; the plan leaves them out before."""
    plan = model(features=(FeaturePlan(name="age", type="numeric"),))
    assert ModelSignals(plan, profile()).names == ("feature.age", "prediction", "confidence")


def test_operators_that_begin_at_once():
    """Several threads of a fresh worker read the job at the same time, and it lives."""
    code = """
import sys, threading
import msgspec
from operators.profiles.references import read_job
data = sys.stdin.buffer.read()
sys.setswitchinterval(1e-6)
begin = threading.Barrier(6)
def read():
    begin.wait()
    read_job(data)
threads = [threading.Thread(target=read) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("lives")
"""
    packed = msgspec.msgpack.encode(job())
    ended = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, cwd=ROOT, check=False)
    assert (ended.returncode, ended.stdout) == (0, b"lives\n"), ended.stderr
