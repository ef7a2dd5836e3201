from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from config.measured import measured
from config.plan import CorrelationPlan, FeaturePlan, SeasonPlan, VersionPlan
from operators.profiles.merging import merge
from operators.profiles.profile_files import find, load_references
from operators.profiles.vocabulary import read_vocabulary
from operators.reading.values import disguised
from operators.relations.fitting import fit
from operators.relations.reconstruction import RECONSTRUCTION
from schemas import profile as profiles
from schemas.errors import ProfileError
from schemas.profile import LabelDelays, Multivariate, Season, TextReference, VectorReference
from tests.operators.decoding import job, model, named, numeric, profile


def write(folder, *made, name="{model}-{version}.json"):
    for one in made:
        path = folder / name.format(model=one.model, version=one.version)
        path.write_bytes(profiles.encode(one))
    return str(folder / name)


def load(reference, **changes):
    plan = job(models=(model(reference=reference, **changes),)).plan
    return load_references(plan)


def error(reference, **changes):
    with pytest.raises(ProfileError) as raised:
        load(reference, **changes)
    return str(raised.value)


def test_profiles_by_version(tmp_path):
    """All profiles that the template names are found, whatever else lies there; of listed versions only those."""
    of = {version: profile(version=version) for version in ("1.9", "1.10", "3-rc")}
    reference = write(tmp_path, *of.values(), profile("churn2", version="1"))
    (tmp_path / "churn-.json").write_text("x")
    assert find(model(reference=reference)) == of
    listed = {"1.10": VersionPlan(), "9": VersionPlan()}
    assert find(model(reference=reference, versions=listed)) == {"1.10": of["1.10"]}


def test_one_profile_for_all(tmp_path):
    """A template without a version speaks for all."""
    reference = write(tmp_path, profile(version=None), name="{model}.json")
    assert find(model(reference=reference)) == {"": profile(version=None)}


def test_a_folder_with_special_characters(tmp_path):
    """A folder may be called like a pattern."""
    folder = tmp_path / "a[b]*?"
    folder.mkdir()
    reference = write(folder, profile())
    assert find(model(reference=reference)) == {"3": profile()}


def test_features_from_the_profile(tmp_path):
    """Features come from the newest profile, but those left out; what was sensitive is so."""
    hidden = msgspec.structs.replace(numeric(1.0), min=None, max=None)
    new = profile(
        version="1.10",
        signals={
            "feature.plan": named(disguised("gold")),
            "feature.age": numeric(1.0),
            "feature.income": hidden,
            "feature.x": numeric(1.0),
        },
    )
    old = profile(version="1.9", signals=new.signals | {"feature.y": numeric(1.0)})
    reference = write(tmp_path, old, new)
    (plan,) = load(reference, features=(), features_from_profile=True, features_exclude=("x",)).plan.models
    assert plan.features == (
        FeaturePlan(name="plan", type="categorical", sensitive=True),
        FeaturePlan(name="age", type="numeric"),
        FeaturePlan(name="income", type="numeric", sensitive=True),
    )


def test_no_profile(tmp_path):
    """A missing profile is named, with the command that makes it."""
    for name in ("{model}-{version}.json", "churn.json"):
        reference = str(tmp_path / name)
        assert error(reference) == (
            f"models.churn: there is no profile {reference.replace('{model}', 'churn')}; "
            "make one with 'tidemark profile CONFIG --model churn --data DATA'"
        )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not a profile (Input data was truncated)"),
        (b"{}", "is not a profile (Object missing required field `model`)"),
        (b"[1]", "is not a profile (Expected `object`, got `array`)"),
        (
            json.dumps(json.loads(profiles.encode(profile())) | {"format": 2}).encode(),
            "has format 2 (this release reads 1)",
        ),
    ],
)
def test_no_profile_in_it(tmp_path, data, said):
    """A file that is none is named with what is wrong."""
    (tmp_path / "churn.json").write_bytes(data)
    assert error(str(tmp_path / "{model}.json")) == f"profile churn.json: {said}; run 'tidemark profile' again"


def test_a_folder_in_its_place(tmp_path):
    """What cannot be read is said to be so."""
    (tmp_path / "churn.json").mkdir()
    assert error(str(tmp_path / "churn.json")) == f"profile {tmp_path}/churn.json: cannot be read (Is a directory)"


def test_a_profile_of_another_model(tmp_path):
    """A profile of another model is not taken for one of this."""
    (tmp_path / "churn.json").write_bytes(profiles.encode(profile("fraud")))
    said = "profile churn.json: was made for the model fraud (wanted churn)"
    assert error(str(tmp_path / "{model}.json")) == said


def with_counts(signal, *counts):
    return msgspec.structs.replace(signal, counts=counts, count=sum(counts))


FEW = named("a", "b")
RANKED = "its categories are not in the order of their counts"


@pytest.mark.parametrize(
    ("signal", "said"),
    [
        (numeric(1.0, 1.0), "its edges do not ascend"),
        (numeric(2.0, 1.0), "its edges do not ascend"),
        (numeric(*map(float, range(250))), "has 251 counts and 251 means for 251 bins (at most 250)"),
        (with_counts(numeric(1.0), 1), "has 1 counts and 2 means for 2 bins (at most 250)"),
        (with_counts(numeric(1.0), 21, -1), "its counts do not add up"),
        (msgspec.structs.replace(numeric(1.0), count=21), "its counts do not add up"),
        (msgspec.structs.replace(numeric(1.0), sd=-1.0), "has numbers that are none"),
        (named("a", "a"), "has 2 categories, 1 different ones (at most 250)"),
        (named(*map(str, range(251))), "has 251 categories, 251 different ones (at most 250)"),
        (msgspec.structs.replace(FEW, categories=(("a", 99), ("b", 101))), RANKED),
        (msgspec.structs.replace(FEW, rest=1), "its counts do not add up"),
    ],
)
def test_damaged(tmp_path, signal, said):
    """A profile that no data could have made is refused before it makes codes."""
    reference = write(tmp_path, profile(signals=profile().signals | {"prediction": signal}))
    assert error(reference) == f"profile churn-3.json: is damaged (prediction: {said}); run 'tidemark profile' again"


def test_other_features(tmp_path):
    """All features that differ are listed at once."""
    income = FeaturePlan(name="income", type="categorical", sensitive=True)
    features = (FeaturePlan(name="plan", type="numeric"), income, FeaturePlan(name="new", type="boolean"))
    sensitive = tuple(
        FeaturePlan(name=name, type=kind, sensitive=True) for name, kind in (("age", "numeric"), ("member", "boolean"))
    )
    assert error(write(tmp_path, profile()), features=features + sensitive) == (
        "profile churn-3: made for features that differ from the configuration (plan: was categorical, is numeric, "
        "income: was numeric, is categorical, new: is not in it, age: was not sensitive, is sensitive, "
        "member: was not sensitive, is sensitive); run 'tidemark profile' again"
    )


TITLE = measured(FeaturePlan(name="title", type="text"))


def with_title(**changes):
    """A profile with a text."""
    words = TextReference(words=np.arange(3, dtype="<u4").tobytes(), records=2)
    signals = {"feature.title.length": numeric(20.0), "feature.title.coverage": numeric(0.5)}
    made = profile()
    return msgspec.structs.replace(made, **{"signals": made.signals | signals, "texts": {"title": words}, **changes})


def test_texts_from_the_profile(tmp_path):
    """What is measured of a text comes back as that, and is left out by the text's name."""
    reference = write(tmp_path, with_title())
    for exclude, expected in (((), TITLE), (("title",), ())):
        (plan,) = load(reference, features=(), features_from_profile=True, features_exclude=exclude).plan.models
        assert tuple(feature for feature in plan.features if feature.of) == expected
        assert len(plan.features) == 4 + len(expected)


def test_a_text_that_does_not_fit(tmp_path):
    """A text needs a profile that has it as a text, measured by the same words."""
    for made, features, what in (
        (profile(), TITLE, "title: is not in it"),
        (profile(), measured(FeaturePlan(name="age", type="text")), "age: was numeric, is text"),
        (profile(), measured(FeaturePlan(name="plan", type="text")), "plan: was categorical, is text"),
        (
            with_title(),
            (FeaturePlan(name="title.length", type="numeric"),),
            "title.length: was measured of 'title', is numeric",
        ),
    ):
        said = error(write(tmp_path, made), features=features)
        assert said == (
            f"profile churn-3: made for features that differ from the configuration ({what}); "
            "run 'tidemark profile' again"
        )


def test_a_vocabulary_that_has_changed(tmp_path):
    """The words of the file are those of the profile."""
    (tmp_path / "a.txt").write_text("gold\nsilver\n")
    features = measured(FeaturePlan(name="title", type="text", vocabulary=str(tmp_path / "a.txt")))
    made = with_title(texts={"title": read_vocabulary(str(tmp_path / "a.txt"))})
    assert load(write(tmp_path, made), features=features).plan.models[0].features == features
    changed = "title: its vocabulary has changed"
    assert changed in error(write(tmp_path, made), features=TITLE)
    assert changed in error(write(tmp_path, with_title()), features=features)


@pytest.mark.parametrize(
    ("words", "signals", "what"),
    [
        (b"123", {}, "its words are not in order"),
        (b"\2\0\0\0\1\0\0\0", {}, "its words are not in order"),
        (b"", {"feature.age": numeric(1.0)}, "it lacks feature.title.length"),
    ],
)
def test_damaged_texts(tmp_path, words, signals, what):
    """Words ascend, and what is measured by them is there."""
    made = with_title(texts={"title": TextReference(words=words, records=2)})
    made = msgspec.structs.replace(made, signals=signals or made.signals)
    said = error(write(tmp_path, made), features=TITLE)
    assert said == f"profile churn-3.json: is damaged (title: {what}); run 'tidemark profile' again"


@pytest.mark.parametrize(
    ("made", "wrong"),
    [
        (msgspec.UNSET, "made without season"),
        (Season(period_ms=86_400_000, timezone="UTC", span_ms=0, slices=(None,) * 24, calibrations={}),
         "made with a season of 24 parts of 1 day in UTC"),
        (Season(period_ms=604_800_000, timezone="Asia/Tokyo", span_ms=0, slices=(None,) * 168, calibrations={}),
         "made with a season of 168 parts of 7 days in Asia/Tokyo"),
    ],
)  # fmt: skip
def test_a_profile_of_another_season(tmp_path, made, wrong):
    """Has no slices to compare with: which it has, which are wanted, and what to do."""
    reference = write(tmp_path, msgspec.structs.replace(profile(), season=made))
    season = SeasonPlan(period_ms=604_800_000, bins=168)
    assert error(reference, season=season) == (
        f"profile churn-3: {wrong} (wanted 168 parts of 7 days in UTC); run 'tidemark profile' again"
    )


def test_a_season_that_the_configuration_does_not_ask_for(tmp_path):
    """Does no harm; nor does one that ignores something else."""
    season = Season(period_ms=86_400_000, timezone="UTC", span_ms=0, slices=(None,) * 24, calibrations={})
    reference = write(tmp_path, msgspec.structs.replace(profile(), season=season))
    assert load(reference).profiles
    ignore = ((0, 1_000),)
    assert load(reference, season=SeasonPlan(period_ms=86_400_000, bins=24, ignore=ignore)).profiles


VECTOR = measured(FeaturePlan(name="v", type="embedding", dim=2))
DIRECTIONS = VectorReference(
    center=np.zeros(2, "<f8").tobytes(), directions=np.array([0, 1], "<f4").tobytes(), deviations=(2.0,), vectors=9
)


def with_vector(**changes):
    """A profile with an embedding."""
    made = profile()
    signals = {"feature.v.norm": numeric(1.0), "feature.v.distance": numeric(1.0)}
    return msgspec.structs.replace(made, signals=made.signals | signals, vectors={"v": DIRECTIONS}, **changes)


def test_embeddings_from_the_profile(tmp_path):
    """What is measured of an embedding comes back as that."""
    reference = write(tmp_path, with_vector())
    (plan,) = load(reference, features=(), features_from_profile=True).plan.models
    assert plan.features[4:] == VECTOR


def test_an_embedding_that_does_not_fit(tmp_path):
    """An embedding has as many numbers as in the profile, and is no text."""
    for made, feature, what in (
        (profile(), FeaturePlan(name="v", type="embedding", dim=2), "v: is not in it"),
        (
            with_vector(),
            FeaturePlan(name="v", type="embedding", dim=3),
            "v: was an embedding of 2, is an embedding of 3",
        ),
        (with_vector(), FeaturePlan(name="v", type="text"), "v: was an embedding of 2, is text"),
    ):
        assert f"({what})" in error(write(tmp_path, made), features=measured(feature))


@pytest.mark.parametrize(
    "changes",
    [
        {"center": b""},
        {"center": b"123"},
        {"directions": b""},
        {"deviations": (0.0,)},
        {"deviations": (1e999,)},
        {"center": np.array([np.nan, 0.0], "<f8").tobytes()},
        {"directions": np.array([np.inf, 0.0], "<f4").tobytes()},
    ],
)
def test_damaged_directions(tmp_path, changes):
    """They are finite, and as many as deviations."""
    made = msgspec.structs.replace(with_vector(), vectors={"v": msgspec.structs.replace(DIRECTIONS, **changes)})
    said = error(write(tmp_path, made), features=VECTOR)
    assert said.startswith("profile churn-3.json: is ")
    assert said.endswith("; run 'tidemark profile' again")


def with_relations(**changes):
    """A profile with relations of its features."""
    made = profile()
    signals = {name: one for name, one in made.signals.items() if name.startswith("feature.")}
    codes = np.random.default_rng(1).integers(0, 2, (500, len(signals))).astype(np.uint8)
    return msgspec.structs.replace(made, relations=msgspec.structs.replace(fit(signals, codes), **changes))


def test_relations_that_the_profile_lacks(tmp_path):
    """They are asked for: the profile is made again. Those that are not asked for do no harm."""
    assert error(write(tmp_path, profile()), correlation=CorrelationPlan()) == (
        "profile churn-3: made without 'correlation', which is asked for; run 'tidemark profile' again"
    )
    assert error(write(tmp_path, with_relations()), multivariate=True) == (
        "profile churn-3: made without 'multivariate', which is asked for; run 'tidemark profile' again"
    )
    assert load(write(tmp_path, with_relations()), correlation=CorrelationPlan()).profiles
    assert load(write(tmp_path, with_relations())).profiles


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"columns": {"feature.age": 1, "feature.none": 1}}, "their columns are not those of its features"),
        ({"columns": {"feature.age": 2}}, "their columns are not those of its features"),
        ({"sums": b"\5\0\0\0"}, "their sums do not add up"),
        ({"sums": b"\1\0\0\0\0\0"}, "their sums do not add up"),
        ({"tau": b"123"}, "their sums do not add up"),
        ({"variances": b""}, "their sums do not add up"),
        ({"skews": b"1234567"}, "their sums do not add up"),
        ({"skews": np.full(1, np.nan, "<f4").tobytes()}, "their sums do not add up"),
    ],
)
def test_damaged_relations(tmp_path, changes, what):
    """They are of features that vary, and as many as these have pairs."""
    said = error(write(tmp_path, with_relations(**changes)))
    assert said == f"profile churn-3.json: is damaged (relations: {what}); run 'tidemark profile' again"


def with_components(components=1, signal=True):
    """A profile with errors of reconstruction."""
    made = with_relations()
    columns = sum(made.relations.columns.values())
    told = Multivariate(components=np.full(components * columns, 0.5).tobytes(), explained=0.5)
    errors = {RECONSTRUCTION: numeric(0.5, 1.0)} if signal else {}
    return msgspec.structs.replace(made, multivariate=told, signals=made.signals | errors)


def test_components_of_other_features(tmp_path):
    """A feature that is not watched any more is still in them."""
    assert load(write(tmp_path, with_components()), multivariate=True).profiles
    assert load(write(tmp_path, with_components())).profiles
    some = tuple(feature for feature in model().features if feature.name not in ("plan", "member"))
    assert error(write(tmp_path, with_components()), multivariate=True, features=some) == (
        "profile churn-3: 'multivariate' is of features that are not watched (plan, member); run 'tidemark profile' "
        "again"
    )
    assert load(write(tmp_path, with_components()), correlation=CorrelationPlan(), features=some).profiles


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (with_components(signal=False), "its components are none"),
        (with_components(components=0), "its components are none"),
        (msgspec.structs.replace(with_components(), multivariate=msgspec.UNSET), "it has no components"),
        (
            msgspec.structs.replace(with_components(), multivariate=Multivariate(components=b"1", explained=0)),
            "its components are none",
        ),
    ],
)
def test_damaged_components(tmp_path, made, what):
    """They are as many as there are columns, and there is a signal of what is far from them."""
    said = error(write(tmp_path, made))
    assert said == f"profile churn-3.json: is damaged ({RECONSTRUCTION}: {what}); run 'tidemark profile' again"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"slide_ms": 0}, "their delays do not fit its spans"),
        ({"predictions": (1,)}, "their delays do not fit its spans"),
        ({"delays": ((1,), (0, 1))}, "their delays do not fit its spans"),
        ({"delays": ((), ())}, "their delays do not fit its spans"),
        ({"delays": ((2,), (0,))}, "their delays do not add up"),
        ({"delays": ((-1,), (1,))}, "their delays do not add up"),
        ({"delays": ((0,), (0,))}, "their delays do not add up"),
    ],
)
def test_damaged_delays(tmp_path, changes, what):
    """As many spans of each, and no more labels than predictions."""
    known = LabelDelays(start_ms=0, slide_ms=1, until_ms=1, predictions=(1, 1), delays=((1,), (0,)))
    sound = msgspec.structs.replace(with_relations(), labels=known)
    assert load(write(tmp_path, sound)).profiles["churn"]
    said = error(write(tmp_path, msgspec.structs.replace(sound, labels=msgspec.structs.replace(known, **changes))))
    assert said == f"profile churn-3.json: is damaged (labels: {what}); run 'tidemark profile' again"


def test_merged_profiles_have_no_relations():
    """Scores are of each profile's own ranks; the merged one is as if pairs of features had not been looked at."""
    assert merge(with_relations(), with_relations()).relations is msgspec.UNSET


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("multivariate", "principal components are of each one's own ranks"),
        ("performance", "errors follow each other in each one's own order"),
        ("estimation", "what performance is estimated from is fitted to each one's own labels"),
        ("labels", "delays of labels are of each one's own spans"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_nothing_is_lost_when_profiles_are_merged(part, why, first):
    """A part that cannot be merged, in whichever of the two, is refused, not left out."""
    bare = msgspec.structs.replace(with_relations(), relations=msgspec.UNSET)
    with_part = msgspec.structs.replace(bare, **{part: "there"})
    with pytest.raises(ProfileError, match=why):
        merge(*((with_part, bare) if first else (bare, with_part)))
