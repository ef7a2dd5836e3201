"""A plan in words: what `tidemark validate` prints, with the defaults that are in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from config.durations import duration
from config.plan import (
    MOST_RELATED,
    CorrelationPlan,
    DetectorPlan,
    FieldsPlan,
    LabelsPlan,
    ModelPlan,
    Plan,
    PredictionPlan,
    QualityPlan,
    RulePlan,
    SegmentPlan,
    SinkPlan,
    SourcePlan,
)
from operators.joins import joined
from operators.labels.footprint import label_footprint
from operators.labels.reference_delays import MATURE
from operators.metrics.slice_cells import sliced_features
from operators.monitoring.chosen import defaults
from operators.monitoring.footprint import learned_footprint
from operators.monitoring.footprint import text as size
from operators.profiles.profile_checks import season_text
from operators.quality.field_reference import field_reference
from operators.quality.rules import rules_of
from operators.quality.signals import ranged_features
from schemas.profile import Profile
from tidemark.learning import learned_sensitivity
from tidemark.sensitivity import sensitivity

Row = tuple[str, str]  # what, and what holds


def describe(plan: Plan, profiles: Mapping[str, Mapping[str, Profile]]) -> Iterator[tuple[str, list[Row]]]:
    """Describe a plan.

    Parameters
    ----------
    plan : Plan
    profiles : mapping of model to mapping of version to Profile
        Those that there are.

    Yields
    ------
    tuple of str and list of Row
        The title of a section and its rows.
    """
    job = plan.job
    yield (
        "job",
        [
            ("name", f"{job.name}, environment {job.environment}"),
            ("runs", f"parallelism {job.parallelism}, panes of {duration(job.pane_ms)}, {job.delivery}"),
            ("checkpoints", f"every {duration(job.checkpoint_every_ms)} in {job.checkpoint_dir}"),
            ("configuration", plan.configuration_id),
        ],
    )
    unknown = "counted" if plan.on_unknown_model == "ignore" else "put among the dead letters"
    yield (
        "sources",
        [*((source.name, _source(source)) for source in plan.sources), ("unknown models", f"records are {unknown}")],
    )
    sinks = {"events": plan.events, "summaries": plan.summaries, "dead letters": plan.dead_letters}
    yield "sinks", [(name, _sink(sink)) for name, sink in sinks.items()]
    for model in plan.models:
        yield f"model {model.name}", list(_model(model, profiles.get(model.name, {}), model.name in joined(plan)))
        for version, profile in profiles.get(model.name, {}).items():
            rows = [*_fields(model, profile, plan), *sensitivity(model, profile)]
            yield f"model {model.name}, profile {version or 'of any version'}", rows
        if model.learn is not None and model.features and not profiles.get(model.name):
            yield f"model {model.name}, when it has learned", list(learned_sensitivity(model, model.learn.records))
    if plan.unavailable:
        yield "not available yet", [(line, "") for line in plan.unavailable]


def text(plan: Plan, profiles: Mapping[str, Mapping[str, Profile]]) -> str:
    """Return the description with aligned columns."""
    lines = []
    for title, rows in describe(plan, profiles):
        width = max((len(name) for name, value in rows if value), default=0)
        lines += [title, *(f"  {name:<{width}}  {value}".rstrip() for name, value in rows), ""]
    return "\n".join(lines).rstrip()


def _source(source: SourcePlan) -> str:
    parts = [f"{source.kind} from {source.topic or source.path} ({source.format})"]
    if source.model:
        parts.append(f"model {source.model}" + (f" version {source.version}" if source.version else ""))
    every = source.time.every_us
    shown = f"{every} us" if every % 1_000 else duration(every // 1_000)
    times = {"kafka": "times of the broker", "payload": "times of the records", "every": f"a row every {shown}"}
    parts.append(times[source.time.kind])
    parts.append(f"out of order by {duration(source.out_of_orderness_ms)}")
    if source.topic:
        parts += [f"idle after {duration(source.idle_ms)}", f"from {source.start}"]
    if source.format in ("json", "jsonl"):
        standard, fields = FieldsPlan(), source.fields
        places = {name: getattr(fields, name) for name in FieldsPlan.__struct_fields__}
        parts += [f"{name} at {place}" for name, place in places.items() if place != getattr(standard, name)]
    if source.carries is not None:
        parts.append(f"carries {', '.join(source.carries)}")
    return "; ".join(parts)


def _sink(sink: SinkPlan | None) -> str:
    if sink is None:
        return "none"
    return f"{f'topic {sink.topic}' if sink.topic else sink.path}{', with payload' if sink.payload == 'full' else ''}"


def _model(model: ModelPlan, profiles: Mapping[str, Profile], waits: bool) -> Iterator[Row]:
    versions = ", ".join(f"{version} ({settings.role})" for version, settings in model.versions.items())
    yield "versions", versions or "any, as champion"
    if model.learn is not None:
        which = "each version" if model.reference is None else "a version without a profile"
        each = ", the whole traffic and each segment for itself" if model.segments else ""
        yield "learns", f"the first {model.learn.records} records of {which}{each}"
        if model.features:
            needed = learned_footprint(model, model.learn.records)
            total = f"{size(needed.total)} in a checkpoint for each version that learns"
            yield "", f"state at most {size(needed.key)} for each of {needed.keys} keys, {total}"
    if model.reference:
        ids = ", ".join(f"{version or 'any'}: {profile.id[:19]}" for version, profile in profiles.items())
        yield "reference", f"{model.reference} ({ids or 'not there'})"
        yield "unknown version", model.on_unknown_version.replace("_", " ")
    window, alarms = model.window, model.alarms
    if window.previous_ms:
        yield "compared with", f"the {duration(window.previous_ms)} before each window, on the bins of the profile"
    yield (
        "window",
        f"{duration(window.size_ms)} every {duration(window.slide_ms)}, from {window.min_count} records, "
        f"grows to {duration(window.grow_to_ms)}",
    )
    yield (
        "alarms",
        f"{alarms.budget:g} false per {duration(alarms.period_ms)}, confirmed {alarms.confirm} times, recovered after "
        f"{alarms.recover}, from a {alarms.min_effect} effect, critical from a {alarms.critical} one",
    )
    if model.season:
        season = season_text(model.season.period_ms, model.season.bins, model.season.timezone)
        spans = len(model.season.ignore)
        left_out = f", {spans} span{'s' * (spans > 1)} left out" if spans else ""
        yield "season", f"{season}{left_out}"
    if isinstance(model.quality, QualityPlan):
        yield "quality", ", ".join(_quality(model, model.quality))
    for rule in rules_of(model):
        yield ("expect", _rule(rule)) if rule.what != "stale" else ("freshness", _fresh(rule, model.freshness_ms))
    if model.pairs is not None:
        where = "" if isinstance(model.correlation, CorrelationPlan) else ", where the profile has them"
        yield "correlation", f"all pairs of features, the {model.pairs.pairs} closest with half of their budget{where}"
    elif len(model.features) > MOST_RELATED and model.correlation is msgspec.UNSET:
        yield (
            "correlation",
            f"not watched: more than {MOST_RELATED} features ('correlation: true' watches them too)",
        )
    if model.multivariate is not msgspec.UNSET:
        yield "multivariate", "how far records are from what features of the reference do together"
    if model.classifier is not msgspec.UNSET:
        yield "", "whether a classifier tells records of the stream from the reference's"
    if model.prediction:
        yield "prediction", _prediction(model.prediction)
    if isinstance(model.labels, LabelsPlan):
        share = "" if model.labels.sample == 1.0 else f", of {model.labels.sample:.3g} of the ids"
        up_to = f"up to {duration(model.labels.within_ms)} after the prediction, and " if waits else ""
        yield "labels", f"{up_to}those within records{share}"
        if model.labels.by:
            yield "", f"the shares of predictions with one from {', '.join(model.labels.by)} are watched"
        if waits:
            yield "", _waiting(model, profiles)
        yield from _outcomes(model.labels, waits=waits and isinstance(model.performance, tuple))
    for metric in model.performance if isinstance(model.performance, tuple) else ():
        limits = ((word, limit) for word, limit in (("at least", metric.min), ("at most", metric.max)))
        yield "performance", ", ".join([metric.title, *(f"{word} {x:g}" for word, x in limits if x is not None)])
    if searched := sliced_features(model):
        yield "slices", f"{_searched(model, profiles)}, of values of {', '.join(searched)} and of pairs of them"
    if isinstance(model.errors, tuple):
        yield "errors", ", ".join(map(_detector, model.errors))
    if isinstance(model.estimated, tuple):
        yield "estimated performance", ", ".join(model.estimated)
    if isinstance(model.proxies, tuple):
        yield "proxies", ", ".join(model.proxies)
    if model.features_from_profile:
        without = f" but for {', '.join(model.features_exclude)}" if model.features_exclude else ""
        yield "features", f"all of the profile{without}"
    for feature in model.features:  # with `from: profile` as well, once there is one
        usual = [DetectorPlan(name=name) for name in defaults(model, numeric=feature.type == "numeric")]
        detectors = usual if feature.detectors is None else feature.detectors
        sensitive = ", sensitive" if feature.sensitive else ""
        kind = feature.type if feature.of is None else f"{feature.measure} of {feature.of}"
        yield f"feature {feature.name}", f"{kind}{sensitive}: {', '.join(map(_detector, detectors)) or 'none'}"
    for segment in model.segments:
        yield "segments", _segment(segment)


def _searched(model: ModelPlan, profiles: Mapping[str, Profile]) -> str:
    """What slices are searched for."""
    losses = ["where most was lost"] if model.searches_losses and profiles else []
    drawn = model.learn is not None or any(profile.sample for profile in profiles.values())
    drifts = ["where signals changed most"] if drawn and not model.window.previous_ms else []
    return " and ".join([*losses, *drifts]) or "none; run 'tidemark profile' again"


def _waiting(model: ModelPlan, profiles: Mapping[str, Profile]) -> str:
    needed = label_footprint(model, profiles.values())
    each = f"at most {needed.each:.0f} bytes of state for each prediction that waits"
    if needed.open is None:
        return each
    return f"{each}, {size(needed.total)} for {needed.open} of them at the rate of the reference"


def _outcomes(labels: LabelsPlan, *, waits: bool) -> Iterator[Row]:
    if not labels.mature_ms and waits:
        why = "" if labels.mature_given else "; 'mature' says otherwise, or a profile made with labels that have times"
        yield "", f"performance by the time at which labels come{why}"
    if not labels.mature_ms:
        return
    later = f"{duration(labels.mature_ms)} later"
    if labels.settles:
        absent = "" if labels.absent is None else f", '{labels.absent}' where there is none"
        yield "", f"outcomes by the {labels.keep} label, settled {later}{absent}"
    by = "" if labels.mature_given or labels.settles else f", when {MATURE:.0%} of the reference's labels had come"
    yield "", f"performance by time of prediction, {later}{by}"


def _quality(model: ModelPlan, plan: QualityPlan) -> Iterator[str]:
    names = ("missing", "invalid", "unseen", "range", "duplicates", "frozen", "volume", "schema")
    for name in (name for name in names if getattr(plan, name)):
        ranged = [model.features[position].name for position in ranged_features(model)] if name == "range" else []
        if name != "range" or ranged:
            yield f"{name} ({', '.join(ranged)})" if ranged else name


def _fields(model: ModelPlan, profile: Profile, plan: Plan) -> Iterator[Row]:
    """What the fields of records are compared with, where they are watched."""
    found = field_reference(model, profile, plan.sources)
    if isinstance(found, str):
        yield "schema", f"not watched: {found}"
    elif found is not None:
        yield "schema", f"{len(found.usual)} fields that records have to have, of {len(found.named)} that are known"


def _fresh(rule: RulePlan, freshness_ms: int) -> str:
    late = f"less than {rule.limit:.4g} of records arriving later than {duration(freshness_ms)}"
    return f"{late}, where they have times of their own and the broker's"


def _rule(rule: RulePlan) -> str:
    limits = {
        "min": f"{rule.field} not below {rule.limit:g}",
        "max": f"{rule.field} not above {rule.limit:g}",
        "values": f"{rule.field} one of {', '.join(rule.values)}",
        "unique": f"{rule.field} unique within a window",
    }
    return limits.get(rule.what, f"less than {rule.limit:.4g} of {rule.field} {rule.what}")


def _prediction(prediction: PredictionPlan) -> str:
    parts: list[str] = [prediction.task]
    if prediction.task == "binary":
        positive = f"'{prediction.positive}' is positive, " if prediction.positive else ""
        parts.append(f"{positive}from a probability of {prediction.threshold:g}")
    if prediction.classes:
        parts.append(f"classes {', '.join(prediction.classes)}")
    return "; ".join(parts)


def _detector(detector: DetectorPlan) -> str:
    options: dict[str, object] = {"input": detector.input} if detector.input != "rank" or detector.is_river else {}
    if detector.threshold is not None:
        options["threshold"] = f"{detector.threshold:g}, outside the budget"
    options.update(detector.options)
    if detector.is_river:
        options["outside"] = "the budget"
    shown = ", ".join(f"{name} {value}" for name, value in options.items())
    return f"{detector.name} ({shown})" if shown else detector.name


def _segment(segment: SegmentPlan) -> str:
    fields = ", ".join(segment.fields)
    if segment.values is None:
        return f"{fields}: the {segment.limit} most frequent values of the reference, and other"
    return f"{fields}: {', '.join('+'.join(value) for value in segment.values)}, and other"
