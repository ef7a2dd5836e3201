"""From the section of a model to the plan that the job follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from config.availability import record_sources
from config.detector import Detector
from config.durations import time_ms
from config.estimated import ESTIMATED
from config.expected import expected_number
from config.labels import Labels
from config.measured import measured
from config.metrics import STREAM, VALUE
from config.model import Feature, FromProfile, Model, Reference, Segment
from config.models import Source
from config.paths import resolve
from config.performance import Measured
from config.plan import (
    AlarmsPlan,
    CorrelationPlan,
    DetectorPlan,
    FeaturePlan,
    LabelsPlan,
    LearnPlan,
    MetricPlan,
    ModelPlan,
    PredictionPlan,
    QualityPlan,
    RetrainPlan,
    RulePlan,
    SeasonPlan,
    SegmentPlan,
    VersionPlan,
    WindowPlan,
)
from config.quality import WATCHED, Quality
from config.retrain import Retrain
from config.river_detectors import read
from config.season import Season

LEARNED = 10_000  # records of a reference that is learned when nothing is said about how many
MATURE_MS = 7 * 86_400_000  # when outcomes are settled if nothing is said about it
FOLLOWING = ("adwin", "page_hinkley")  # of errors of which nothing more is said


def model_plan(name: str, model: Model) -> ModelPlan:
    """Of a model for itself: what sources have to do with it is put in by `with_records` and `with_labels`."""
    from_profile = isinstance(model.features, FromProfile)
    return ModelPlan(
        name=name,
        info=model.info,
        versions={version: VersionPlan(role=settings.role) for version, settings in model.versions.items()},
        reference=model.reference.profile if isinstance(model.reference, Reference) else model.reference,
        learn=_learn(model),
        on_unknown_version=model.on_unknown_version,
        window=WindowPlan(
            size_ms=model.window.size,
            slide_ms=model.window.slide,
            min_count=model.window.min_count,
            grow_to_ms=model.window.grow_to,
            previous_ms=(model.reference.previous or 0) if isinstance(model.reference, Reference) else 0,
        ),
        alarms=AlarmsPlan(
            budget=model.alarms.budget[0],
            period_ms=model.alarms.budget[1],
            confirm=model.alarms.confirm,
            recover=model.alarms.recover,
            min_effect=model.alarms.min_effect,
            critical=model.alarms.critical,
        ),
        prediction=PredictionPlan(**model.prediction.model_dump()) if model.prediction else None,
        features=_features(model),
        features_from_profile=from_profile,
        features_exclude=model.features.exclude if isinstance(model.features, FromProfile) else (),
        segments=tuple(_segment(segment) for segment in model.segments),
        disclose=model.disclose,
        freshness_ms=(model.quality or Quality()).freshness,
        season=_season(model.season) if model.season else None,
        quality=_quality(model.quality),
        expect=(*_rules(model), *_fresh(model)) or msgspec.UNSET,
        multivariate=True if model.multivariate else msgspec.UNSET,
        classifier=True if model.multivariate and model.multivariate.classifier else msgspec.UNSET,
        correlation=_correlation(model),
        retrain=_retrain(model.retrain) if model.retrain else msgspec.UNSET,
        proxies=tuple(dict.fromkeys(model.proxies)) or msgspec.UNSET,
        estimated=_estimated(model) or msgspec.UNSET,
        slices=msgspec.UNSET if model.slices is None else model.slices,
        by_class=msgspec.UNSET if model.by_class is None else model.by_class,
    )


def with_labels(plan: ModelPlan, settings: Model, sources: Mapping[str, Source], pane_ms: int) -> ModelPlan:
    """The model with its labels, if it wants them or some source is for it; what it does not say has defaults."""
    kinds = {name: source for name, source in sources.items() if (source.kind or name) == "labels"}
    wanted = settings.labels is not None or settings.performance
    if not wanted and not any(source.model in (None, plan.name) for source in kinds.values()):
        return plan
    labels = settings.labels or Labels()
    settles = labels.keep == "last" or labels.absent is not None or plan.is_ranking
    usual_ms = min(MATURE_MS, labels.within) if settles else 0
    mature_ms = usual_ms if labels.mature is None else labels.mature
    found = LabelsPlan(
        within_ms=labels.within,
        sample=labels.sample,
        mature_ms=-(-mature_ms // pane_ms) * pane_ms,  # panes are settled whole
        mature_given=labels.mature is not None,
        grouped=plan.is_ranking,
        keep=labels.keep,
        absent=labels.absent,
        by=labels.by,
    )
    plan = msgspec.structs.replace(plan, labels=found)
    metrics = tuple(metric_plans(settings))
    errors = [said for metric in settings.performance for name, said in metric.items() if name == STREAM]
    if metrics or errors:
        plan = msgspec.structs.replace(plan, performance=metrics)
    if errors:
        named = tuple(map(_detector, errors[0].detectors or ()))
        usual = tuple(DetectorPlan(name=name) for name in FOLLOWING)
        plan = msgspec.structs.replace(plan, errors=named or usual)
    return plan


def metric_plans(model: Model) -> Iterator[MetricPlan]:
    """Measures of a model; a worth is one, whether it is listed or not."""
    worth = (model.value.tp, model.value.fp, model.value.tn, model.value.fn) if model.value else None
    listed: list[tuple[str, Measured]] = [
        (name, said) for metric in model.performance for name, said in metric.items() if name != STREAM
    ]
    if worth is not None and all(name != VALUE for name, _ in listed):
        listed.append((VALUE, Measured()))
    for name, said in listed:
        plan = MetricPlan(
            name=name,
            min=said.min,
            max=said.max,
            average=said.average or "macro",
            k=said.k,
            worth=worth if name == VALUE else None,
        )
        for of in said.classes or (None,):
            yield plan if of is None else msgspec.structs.replace(plan, of=of)


def with_records(plan: ModelPlan, sources: Mapping[str, Source]) -> ModelPlan:
    """The model without a look at its ids, if several sources have records of one: predictions tell them apart."""
    apart = plan.prediction is not None or record_sources(plan.name, sources) < 2
    if apart or not isinstance(plan.quality, QualityPlan):
        return plan
    return msgspec.structs.replace(plan, quality=msgspec.structs.replace(plan.quality, duplicates=False))


def _correlation(model: Model) -> CorrelationPlan | msgspec.UnsetType | None:
    if model.correlation:
        return CorrelationPlan(pairs=model.correlation.pairs)
    return None if "correlation" in model.model_fields_set else msgspec.UNSET  # `false`, or not a word


def _quality(quality: Quality | None) -> QualityPlan | msgspec.UnsetType:
    watched = {name: quality is not None and quality.watches(name) for name in WATCHED}
    return QualityPlan(**watched) if any(watched.values()) else msgspec.UNSET


def _estimated(model: Model) -> tuple[str, ...]:
    """Measures in the order in which they are known."""
    known = ESTIMATED[model.prediction.task] if model.prediction else ()
    return tuple(name for name in known if name in model.estimated_performance)


def _rules(model: Model) -> tuple[RulePlan, ...]:
    """What is expected, but for what `availability` names."""
    found: list[RulePlan] = []
    for field, expectation in model.expect.items():
        number = expected_number(model, field)
        if number is None and not isinstance(model.features, FromProfile):
            continue
        for what, limit in (("min", expectation.min), ("max", expectation.max)):
            if limit is not None:
                found.append(RulePlan(field=field, what=what, limit=limit, number=number))  # type: ignore[arg-type]
        if expectation.listed is not None:
            found.append(RulePlan(field=field, what="values", values=expectation.listed, number=number))
        if expectation.unique:
            found.append(RulePlan(field=field, what="unique", number=number))
        limits = ("missing", expectation.missing), ("invalid", expectation.invalid), ("unseen", expectation.unseen)
        for what, limit in limits:
            if limit is not None:
                found.append(RulePlan(field=field, what=what, limit=limit, number=number))  # type: ignore[arg-type]
    return tuple(found)


def _retrain(retrain: Retrain) -> RetrainPlan:
    return RetrainPlan(
        when=retrain.when,
        severity=retrain.severity,
        blocked_by=retrain.blocked_by,
        min_samples=retrain.min_samples,
        max_wait_ms=retrain.max_wait,
        cooldown_ms=retrain.cooldown,
        every_ms=retrain.every,
        expires_ms=retrain.expires,
        cost=retrain.cost,
        value_per_correct=retrain.value_per_correct,
    )


def _fresh(model: Model) -> tuple[RulePlan, ...]:
    """That at least half of the records arrive while they are fresh; where nothing is said of quality nothing is."""
    watched = isinstance(_quality(model.quality), QualityPlan)
    return (RulePlan(field="timestamp", what="stale", limit=0.5),) if watched else ()


def _season(season: Season) -> SeasonPlan:
    ignore = sorted((time_ms(span.from_), time_ms(span.to)) for span in season.ignore)
    return SeasonPlan(period_ms=season.period, bins=season.bins, timezone=season.timezone, ignore=tuple(ignore))


def learned_records(model: Model) -> int | None:
    """Of how many records a version without a profile learns one; None: it does not."""
    reference = model.reference if isinstance(model.reference, Reference) else Reference(profile=model.reference)
    if reference.profile is not None and reference.learn is None and model.on_unknown_version != "learn":
        return None
    return reference.learn or LEARNED


def _learn(model: Model) -> LearnPlan | None:
    records = learned_records(model)
    reference = model.reference if isinstance(model.reference, Reference) else Reference()
    return None if records is None else LearnPlan(records=records, save=reference.save)


def located(model: ModelPlan, directory: Path) -> ModelPlan:
    """The plan with absolute names of files, which say nothing of what it is and so are in no id."""
    reference = resolve(directory, model.reference) if model.reference else None
    learn = model.learn and msgspec.structs.replace(model.learn, save=resolve(directory, model.learn.save))
    features = tuple(
        msgspec.structs.replace(feature, vocabulary=resolve(directory, feature.vocabulary))
        if feature.vocabulary
        else feature
        for feature in model.features
    )
    return msgspec.structs.replace(model, reference=reference, learn=learn, features=features)


def _features(model: Model) -> tuple[FeaturePlan, ...]:
    features = model.features.items() if isinstance(model.features, dict) else ()
    return tuple(watched for name, feature in features for watched in measured(_feature(name, feature)))


def _feature(name: str, feature: Feature) -> FeaturePlan:
    return FeaturePlan(
        name=name,
        type=feature.type,
        sensitive=feature.sensitive,
        range=feature.range,
        detectors=None if feature.detectors is None else tuple(_detector(detector) for detector in feature.detectors),
        vocabulary=feature.vocabulary,
        dim=feature.dim,
    )


def _detector(detector: Detector) -> DetectorPlan:
    options = dict(detector.options)
    if detector.river:
        return DetectorPlan(name=detector.name, input=options.get("input", "raw"), options=read(options))
    threshold, source = options.pop("threshold", None), options.pop("input", "rank")
    return DetectorPlan(name=detector.name, threshold=threshold, input=source, options=options)


def _segment(segment: Segment) -> SegmentPlan:
    return SegmentPlan(fields=segment.fields, values=segment.values, limit=segment.limit)
