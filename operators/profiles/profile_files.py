"""Profiles of a plan: found by the models' templates, read, and held against the configuration."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import fsspec
import msgspec

from config.measured import measured
from config.plan import FeaturePlan, ModelPlan, Plan
from operators.encoding.measures import measured_fields
from operators.joins import joined
from operators.labels.footprint import check_labels, label_footprint
from operators.labels.reference_delays import with_mature
from operators.metrics.baseline import baseline_misfit
from operators.metrics.slice_cells import slices_misfit
from operators.monitoring.class_counts import class_misfit
from operators.monitoring.detection import Detection
from operators.monitoring.footprint import check, footprint, learned_footprint
from operators.profiles.profile_checks import damage, misfits, season_misfit, was_sensitive
from operators.profiles.references import FEATURE, JobReferences, References, natural, proxies_of
from operators.profiles.vocabulary import read_vocabulary
from operators.quality.late_rules import with_rules
from operators.quality.signals import range_misfit
from operators.relations.references import relations_misfit
from schemas import profile as profiles
from schemas.errors import ProfileError
from schemas.profile import NumericSignal, Profile, TextReference


def load_references(plan: Plan) -> JobReferences:
    """Read the profiles of all models.

    Raises
    ------
    ProfileError
        A profile is missing, unreadable, or made for other features; the message says which and what to do.
    UsageError
        State would not fit.
    """
    found = {model.name: find(model) for model in plan.models}
    models = tuple(_checked(model, found[model.name]) for model in plan.models)
    waiting = joined(plan)
    models = tuple(
        with_mature(model, found[model.name].values(), plan.job.pane_ms) if model.name in waiting else model
        for model in models
    )
    learning = {model.name: _vocabularies(model) for model in models if model.learn is not None}
    job = JobReferences(msgspec.structs.replace(plan, models=models), found, learning)
    references = References(job)
    for model in models:
        if found[model.name]:
            check(model, footprint(Detection(references.any(model.name)), len(found[model.name])))
        if model.learn is not None:
            check(model, learned_footprint(model, model.learn.records))
        if model.name in waiting:
            check_labels(model, label_footprint(model, found[model.name].values()))
    return job


def find(model: ModelPlan) -> dict[str, Profile]:
    """Profiles of a model by version; ``""`` where the template has no version: it speaks for all."""
    if model.reference is None and model.learn is not None:
        return {}
    template = (model.reference or "profiles/{model}-{version}.json").replace("{model}", model.name)
    if "{version}" not in template:
        return {"": _read(template, model)}
    if model.versions:
        present = {v: template.replace("{version}", v) for v in model.versions}
        found = {v: _read(path, model) for v, path in present.items() if _exists(path)}
    else:
        system, place = fsspec.core.url_to_fs(template.replace("{version}", "\0"))
        before, after = str(place).split("\0")
        paths = system.glob(f"{_quoted(before)}*{_quoted(after)}")
        pattern = re.compile(re.escape(before) + "([^/]+)" + re.escape(after))
        versions = {match[1]: path for path in paths if (match := pattern.fullmatch(path))}
        found = {v: _read(system.unstrip_protocol(path), model) for v, path in sorted(versions.items())}
    if not found and model.learn is None:
        message = (
            f"models.{model.name}: there is no profile {template}; "
            f"make one with 'tidemark profile CONFIG --model {model.name} --data DATA'"
        )
        raise ProfileError(message)
    return found


def _exists(path: str) -> bool:
    system, place = fsspec.core.url_to_fs(path)
    return bool(system.exists(place))


def _quoted(text: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", text)


def _read(path: str, model: ModelPlan) -> Profile:
    shown = path.removeprefix("file://")
    try:
        with fsspec.open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        message = (
            f"models.{model.name}: there is no profile {shown}; "
            f"make one with 'tidemark profile CONFIG --model {model.name} --data DATA'"
        )
        raise ProfileError(message) from None
    except OSError as error:
        message = f"profile {shown}: cannot be read ({error.strerror or type(error).__name__})"
        raise ProfileError(message) from error
    try:
        made = profiles.decode(data)
    except msgspec.DecodeError as error:
        message = f"profile {Path(shown).name}: is not a profile ({error}); run 'tidemark profile' again"
        raise ProfileError(message) from error
    if made.format != profiles.FORMAT:
        message = (
            f"profile {Path(shown).name}: has format {made.format} (this release reads {profiles.FORMAT}); "
            "run 'tidemark profile' again"
        )
        raise ProfileError(message)
    if (wrong := damage(made)) is not None:
        message = f"profile {Path(shown).name}: is damaged ({wrong}); run 'tidemark profile' again"
        raise ProfileError(message)
    if made.model != model.name:
        message = f"profile {Path(shown).name}: was made for the model {made.model} (wanted {model.name})"
        raise ProfileError(message)
    return made


def _vocabularies(model: ModelPlan) -> dict[str, TextReference]:
    files = {feature.field: feature.vocabulary for feature in model.features if feature.vocabulary is not None}
    return {field: read_vocabulary(path) for field, path in files.items()}


def _checked(model: ModelPlan, found: dict[str, Profile]) -> ModelPlan:
    if model.features_from_profile:
        if not found:
            message = (
                f"models.{model.name}.features: there is no profile to take them from; name them, or make one with "
                f"'tidemark profile CONFIG --model {model.name} --data DATA'"
            )
            raise ProfileError(message)
        newest = found[max(found, key=natural)]
        model = msgspec.structs.replace(model, features=_features(newest, model.features_exclude))
        model = with_rules(model)
    vocabularies = _vocabularies(model)
    for version, profile in found.items():
        if wrong := misfits(profile, model.features, vocabularies):
            of = f"{model.name}-{version}" if version else model.name
            message = (
                f"profile {of}: made for features that differ from the configuration ({', '.join(wrong)}); "
                "run 'tidemark profile' again"
            )
            raise ProfileError(message)
        if (wrong_season := season_misfit(profile, model.season)) is not None:
            of = f"{model.name}-{version}" if version else model.name
            message = f"profile {of}: {wrong_season}; run 'tidemark profile' again"
            raise ProfileError(message)
        if (wrong_baseline := baseline_misfit(model, profile)) is not None:
            of = f"{model.name}-{version}" if version else model.name
            message = f"profile {of}: {wrong_baseline}; run 'tidemark profile' again"
            raise ProfileError(message)
        if (wrong_range := range_misfit(model, profile)) is not None:
            of = f"{model.name}-{version}" if version else model.name
            message = f"profile {of}: {wrong_range}, which 'quality.range' asks for; run 'tidemark profile' again"
            raise ProfileError(message)
        if (wrong_relations := relations_misfit(model, profile)) is not None:
            of = f"{model.name}-{version}" if version else model.name
            message = f"profile {of}: {wrong_relations}; run 'tidemark profile' again"
            raise ProfileError(message)
        if lacking := [name for name in proxies_of(model) if name not in profile.signals]:
            of = f"{model.name}-{version}" if version else model.name
            message = (
                f"profile {of}: has no {' and no '.join(lacking)}, which 'proxies' asks for; "
                "run 'tidemark profile' again, on records with probabilities"
            )
            raise ProfileError(message)
        if isinstance(model.estimated, tuple) and isinstance(profile.estimation, msgspec.UnsetType):
            of = f"{model.name}-{version}" if version else model.name
            message = (
                f"profile {of}: was made without labelled data, which 'estimated_performance' asks for; "
                "run 'tidemark profile' again, with --performance DATA"
            )
            raise ProfileError(message)
        if (uncounted := class_misfit(model, profile)) is not None:
            of = f"{model.name}-{version}" if version else model.name
            message = f"profile {of}: {uncounted}; run 'tidemark profile' again"
            raise ProfileError(message)
        if (wrong_slices := slices_misfit(model, profile)) is not None:
            of = f"{model.name}-{version}" if version else model.name
            message = f"profile {of}: {wrong_slices}; run 'tidemark profile' again, with labelled data"
            raise ProfileError(message)
    return model


def _features(profile: Profile, exclude: Collection[str]) -> tuple[FeaturePlan, ...]:
    """Features that a profile describes."""
    measured_of = {
        name: feature
        for plan in measured_fields(profile)
        for feature in measured(plan)
        for name in [FEATURE + feature.name]
    }
    features = []
    for name, signal in profile.signals.items():
        plan = measured_of.get(name) or FeaturePlan(
            name=name.removeprefix(FEATURE), type="numeric" if isinstance(signal, NumericSignal) else "categorical"
        )
        if name.startswith(FEATURE) and plan.field not in exclude:
            features.append(msgspec.structs.replace(plan, sensitive=was_sensitive(signal)))
    return tuple(features)
