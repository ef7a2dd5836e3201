"""What another configuration changes: settings by name, and the fate of each part of the state."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from config.plan import ControlPlan, DetectorPlan, FeaturePlan, LabelsPlan, LearnPlan, Plan, QualityPlan, SourcePlan
from jobs.cluster.about import About
from jobs.cluster.changes import Changes, Pieces, changes
from jobs.cluster.states import ModelState, states
from operators.profiles.references import JobReferences
from schemas.profile import Fields
from tests.jobs.cluster.plans import PLAN, PREDICTIONS, about, model
from tests.operators import decoding, panes

LABELS = SourcePlan(name="labels", kind="labels", topic="labels")


def between(before: Plan, after: Plan, **of_old: Any) -> Changes:
    return changes(about(before, **of_old), about(after))


def with_models(*models: Any) -> Plan:
    return msgspec.structs.replace(PLAN, models=models)


def learning(plan: Plan) -> About:
    """Of a plan whose models all learn their references: they need no profiles."""
    job = JobReferences(plan, {one.name: {} for one in plan.models})
    return About(plan=plan, states=states(job), release="0.1.0")


def test_nothing() -> None:
    """Also where the id of the configuration is another one for no reason that shows."""
    found = between(PLAN, msgspec.structs.replace(PLAN, configuration_id="sha256:1"))
    assert found.nothing
    assert list(found.lines()) == ["nothing changes"]


def test_a_model_more() -> None:
    """It is told by its name, wherever it stands; all state is kept."""
    found = between(PLAN, with_models(model("new", "x"), *PLAN.models))
    assert (found.harmless, found.anew, found.lost) == (True, {}, {})
    assert list(found.lines()) == ["models.new: added", "all state is kept"]


def test_a_model_less() -> None:
    """Its state is lost, and each part is named."""
    found = between(PLAN, with_models(PLAN.models[0]))
    assert not found.harmless
    assert list(found.lines()) == [
        "models.fraud: removed",
        "models.fraud: IS LOST: episodes and requests, windows",
    ]


def test_features() -> None:
    """Windows of the one model begin anew."""
    found = between(PLAN, with_models(model("churn", "income", "age"), PLAN.models[1]))
    assert found.harmless
    assert list(found.lines()) == [
        "models.churn.features.income: added",
        "models.churn: begins anew: windows",
        "all other state is kept",
    ]


def test_thresholds() -> None:
    """The level of a test is told when it moves; no state is touched."""
    states = {name: ModelState(state.parts, 2e-6) for name, state in about().states.items()}
    old = about(states=states)
    new = about(states={**states, "churn": ModelState(states["churn"].parts, 1e-6)})
    found = changes(old, new)
    assert list(found.lines()) == [
        "models.churn: thresholds move, the level of a test from 2e-06 to 1e-06",
        "all state is kept",
    ]


def test_a_setting() -> None:
    """By its path, with what it was and is."""
    plan = msgspec.structs.replace(PLAN, job=msgspec.structs.replace(PLAN.job, parallelism=4))
    assert list(between(PLAN, plan).lines()) == ["job.parallelism: 1 -> 4", "all state is kept"]


def test_another_pane_or_release() -> None:
    """Nothing can go on."""
    plan = msgspec.structs.replace(PLAN, job=msgspec.structs.replace(PLAN.job, pane_ms=20_000))
    found = between(PLAN, plan, graph=0)
    assert not found.harmless
    assert list(found.lines())[-2:] == [
        "ALL STATE IS LOST: job.pane was 10 s; windows of others would overlap",
        "ALL STATE IS LOST: release 0.1.0 put the job together otherwise than 0.1.0",
    ]


@pytest.mark.parametrize(
    "sources",
    [(LABELS, PREDICTIONS), (), (msgspec.structs.replace(PREDICTIONS, topic="others"),)],
)
def test_sources(sources: tuple[SourcePlan, ...]) -> None:
    """Other ones, or ones that read something else."""
    found = between(PLAN, msgspec.structs.replace(PLAN, sources=sources))
    assert (found.sources, found.harmless) == (True, True)
    assert not between(PLAN, PLAN).sources


def test_files() -> None:
    """A source that reads files has no place in state that can be moved."""
    files = msgspec.structs.replace(LABELS, topic=None, path="labels.jsonl")
    found = between(PLAN, msgspec.structs.replace(PLAN, sources=(PREDICTIONS, files)))
    assert found.impossible == ["files are among sources that are others"]


def test_operators_that_go() -> None:
    """Flink would refuse state that finds nobody: of a sink, of control, of performance."""
    more = msgspec.structs.replace(PLAN, control=ControlPlan(topic="drift-control"))
    assert between(more, PLAN).leaves
    assert not between(PLAN, more).leaves


def test_what_was_learned_does_not_come_back() -> None:
    """A reference of first records, and predictions that wait: lost, where windows only begin anew."""
    learns = LearnPlan(records=1_000, save="x")
    labels = LabelsPlan(within_ms=1_000)
    sources = (PREDICTIONS, LABELS)
    before = msgspec.structs.replace(
        PLAN, sources=sources, models=(model("churn", "age", learn=learns, labels=labels, performance=()),)
    )
    after = msgspec.structs.replace(PLAN, models=(model("churn", "age", "income", learn=learns),))
    found = changes(learning(before), learning(after))
    assert found.lost == {"churn": ["learned references", "predictions that wait for labels"]}
    assert "windows of learned versions" in found.anew["churn"]
    same = changes(learning(before), learning(before))
    assert same.nothing


def test_a_detector_more_where_references_are_learned() -> None:
    """They stay, and so do windows of the features; what is learned of a feature more is not known yet."""
    feature = FeaturePlan(name="age", type="numeric", detectors=(DetectorPlan(name="psi"),))
    plain = model("churn", learn=LearnPlan(records=1_000, save="x"))
    before, after = (
        msgspec.structs.replace(PLAN, models=(msgspec.structs.replace(plain, features=(one,)),))
        for one in (
            feature,
            msgspec.structs.replace(feature, detectors=(*feature.detectors, DetectorPlan(name="adwin"))),
        )
    )
    found = changes(learning(before), learning(after))
    kept = ["feature.age", "psi on feature.age"]
    assert found.pieces == {"churn": {"windows of learned versions": Pieces(kept, ["adwin on feature.age"], [], [])}}
    assert (found.harmless, found.anew) == (True, {})


def test_fields_of_records() -> None:
    """What is kept of them begins anew where the reference has other ones, like all that a profile is compared with."""
    decoded = decoding.job(models=(decoding.model("churn", quality=QualityPlan()),))
    (known,) = decoded.profiles["churn"].values()

    def of(**named: int) -> About:
        names = {f"/{name}": count for name, count in named.items()}
        fields = Fields(form="json", records=10, named=names, rest=0, most=0)
        profiles = {"churn": {"": msgspec.structs.replace(known, fields=fields)}}
        job = JobReferences(decoded.plan, profiles)
        return About(plan=decoded.plan, states=states(job), release="0.1.0")

    assert changes(of(id=10), of(id=10)).anew == {}
    assert changes(of(id=10), of(id=10, age=10)).anew == {"churn": ["fields of records"]}


def test_a_feature_more_in_a_profile() -> None:
    """What goes on of the model's windows is said piece by piece; what learns begins anew."""

    def of(*names: str, detectors: tuple[str, ...] = ("psi", "adwin")) -> About:
        plans = tuple(DetectorPlan(name=name) for name in detectors)
        found = panes.detection(dict.fromkeys(names, panes.TENTHS), plans).signals
        job = JobReferences(msgspec.structs.replace(PLAN, models=(found.model,)), {"churn": {"": found.profile}})
        return About.of(job)

    found = changes(of("age"), of("income", "age"))
    assert list(found.lines())[-3:] == [
        "models.churn: windows: go on: feature.age, adwin on feature.age, adwin:spread on feature.age",
        "models.churn: windows: are new: feature.income, adwin on feature.income, adwin:spread on feature.income",
        "all state is kept",
    ]
    assert (found.harmless, found.anew, found.lost) == (True, {}, {})
    found = changes(of("age"), of("age", detectors=("psi", "adwin", "page_hinkley")))
    more = ["page_hinkley on feature.age", "page_hinkley:spread on feature.age"]
    kept = ["feature.age", "adwin on feature.age", "adwin:spread on feature.age"]
    assert found.pieces == {"churn": {"windows": Pieces(kept, more, [], [])}}
    found = changes(of("income", "age"), of("age"))
    gone = ["feature.income", "adwin on feature.income", "adwin:spread on feature.income"]
    assert found.document()["pieces"]["churn"]["windows"]["gone"] == gone
    assert (found.harmless, found.anew) == (True, {})
    assert changes(of("age"), of("income")).anew == {"churn": ["windows"]}
