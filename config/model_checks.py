"""What must hold between the parts of one model, with the defaults of its groups in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import get_args

from config.compile_model import learned_records
from config.detector_checks import detector_problems
from config.durations import duration, time_ms
from config.errors import Path, Problem
from config.estimated import ESTIMATED, EVERY
from config.expected import expected_number, refused
from config.measured import MEASURES, measured_names
from config.model import Feature, Level, Model, Prediction, Reference, Segment
from config.performance_checks import absent_problems, is_number, performance_problems, settled_by
from config.relation_checks import classifier_problems
from config.season import Season
from config.slice_checks import class_problems, slice_problems

# Values that a key keeps while it learns: one byte string of 32 MB, read and written with each pane.
LEARNED_VALUES = 4_000_000
MOST_CLASSES = 50  # of which performance is estimated: with more, a class has fewer than five bins of confidence
NAME = re.compile(r"[^/|\x00-\x1f]+")  # a model's name stands in keys and in names of files
PLACEHOLDER = re.compile(r"\{[^}]*\}?")
LEVELS = get_args(Level)


def model_problems(path: Path, name: str, model: Model, pane_ms: int) -> Iterator[Problem]:
    """Find what does not fit together in a model.

    Parameters
    ----------
    path : Path
        Where the model stands.
    name : str
        Its name.
    model : Model
        Its settings.
    pane_ms : int
        The job's pane.
    """
    if not NAME.fullmatch(name):
        yield Problem(path, f"{name!r} is not a name of a model (any characters but '/', '|' and control characters)")
    yield from _window_problems((*path, "window"), model, pane_ms)
    if LEVELS.index(model.alarms.critical) < LEVELS.index(model.alarms.min_effect):
        message = f"'{model.alarms.critical}' is below min_effect ('{model.alarms.min_effect}')"
        yield Problem((*path, "alarms", "critical"), message)
    yield from _reference_problems((*path, "reference"), model.reference, model.window.size)
    if (records := learned_records(model)) is not None:
        yield from _learning_problems(path, model, _says_learn(model), records)
    if model.prediction:
        yield from _prediction_problems((*path, "prediction"), model.prediction)
    if isinstance(model.features, dict):
        if not model.features:
            yield Problem((*path, "features"), "has no feature (names and types, or {from: profile})")
        for feature, settings in model.features.items():
            yield from _feature_problems((*path, "features", feature), feature, settings)
            yield from _measured_problems((*path, "features", feature), feature, settings, model)
    if isinstance(model.reference, Reference) and model.reference.previous:
        yield from _moving_problems(path, model)
    yield from _segments_problems((*path, "segments"), model)
    if model.season:
        yield from _season_problems((*path, "season"), model, model.season, pane_ms)
    if model.multivariate and model.multivariate.classifier:
        yield from classifier_problems((*path, "multivariate", "classifier"), model)
    if model.slices is not None:
        yield from slice_problems((*path, "slices"), model, model.slices)
    if model.by_class is not None:
        yield from class_problems((*path, "by_class"), model, model.by_class)
    yield from _later_problems(path, model)


def _window_problems(path: Path, model: Model, pane_ms: int) -> Iterator[Problem]:
    window = model.window
    slide, size = duration(window.slide), duration(window.size)
    if window.slide % pane_ms:
        yield Problem((*path, "slide"), f"'{slide}' is not a multiple of job.pane ('{duration(pane_ms)}')")
    if window.size % window.slide:
        yield Problem((*path, "size"), f"'{size}' is not a multiple of slide ('{slide}')")
    if window.grow_to < window.size:
        yield Problem((*path, "grow_to"), f"'{duration(window.grow_to)}' is shorter than size ('{size}')")


def _reference_problems(path: Path, reference: Reference | str, size_ms: int) -> Iterator[Problem]:
    if not isinstance(reference, Reference):
        yield from _placeholder_problems(path, reference)
        return
    if reference.profile is None and reference.learn is None and reference.previous is None:
        yield Problem(path, "says nothing; give 'learn: RECORDS', 'previous: DURATION' or the path of a profile")
    if reference.profile is not None:
        yield from _placeholder_problems((*path, "profile"), reference.profile)
    if reference.previous is not None and reference.previous < size_ms:
        message = f"'{duration(reference.previous)}' is shorter than the window ('{duration(size_ms)}')"
        yield Problem((*path, "previous"), message)
    if "{version}" not in reference.save:
        message = f"'{reference.save}' has no '{{version}}': each version would overwrite the one before"
        yield Problem((*path, "save"), message)
    yield from _placeholder_problems((*path, "save"), reference.save)


def _placeholder_problems(path: Path, reference: str) -> Iterator[Problem]:
    for word in PLACEHOLDER.findall(reference):
        if word not in ("{model}", "{version}"):
            yield Problem(path, f"'{word}' is not known here ({{model}}, {{version}})")


def _says_learn(model: Model) -> tuple[str, ...]:
    """Where it says that references are learned."""
    if not isinstance(model.reference, Reference):
        return ("on_unknown_version",)
    return ("reference", "learn") if model.reference.learn else ("reference",)


def _learning_problems(path: Path, model: Model, where: tuple[str, ...], records: int) -> Iterator[Problem]:
    if isinstance(model.features, dict):
        # With prediction and confidence; of an embedding all of its numbers.
        signals = 2 + sum(one.dim or len(MEASURES.get(one.type, "1")) for one in model.features.values())
        if records * signals > LEARNED_VALUES:
            message = (
                f"{records} records of {signals} values are kept until they are a reference "
                f"(at most {LEARNED_VALUES // signals} records)"
            )
            yield Problem((*path, *where), message)
    elif isinstance(model.reference, Reference) and model.reference.profile is None:
        yield Problem((*path, "features"), "are in no profile where the reference is learned; name them")
    for index, segment in enumerate(model.segments):
        if segment.values is None:
            fields = ", ".join(segment.fields)
            message = f"'{fields}' takes its values from a profile, and a version that is learned has none; list them"
            yield Problem((*path, "segments", index), message)


def _prediction_problems(path: Path, prediction: Prediction) -> Iterator[Problem]:
    task, classes = prediction.task, prediction.classes
    if "positive" in prediction.model_fields_set and task not in ("binary", "ranking"):
        yield Problem((*path, "positive"), f"is for binary predictions and rankings, not {task}")
    if "threshold" in prediction.model_fields_set and task != "binary":
        yield Problem((*path, "threshold"), f"is for binary predictions, not {task}")
    if classes is None:
        return
    if task not in ("binary", "multiclass"):
        yield Problem((*path, "classes"), f"are for binary and multiclass predictions, not {task}")
        return
    if len(set(classes)) < len(classes):
        yield Problem((*path, "classes"), "has a class twice")
    elif task == "binary" and len(classes) != 2:
        yield Problem((*path, "classes"), f"has {len(classes)} classes; binary predictions have 2")
    if prediction.positive and prediction.positive not in classes:
        yield Problem((*path, "positive"), f"'{prediction.positive}' is not one of the classes ({', '.join(classes)})")


def _feature_problems(path: Path, name: str, feature: Feature) -> Iterator[Problem]:
    if not name:
        yield Problem(path, "is a feature without a name")
    kinds = {"range": "numeric", "vocabulary": "text", "dim": "embedding"}
    for option, kind in kinds.items():
        if getattr(feature, option) is not None and feature.type != kind:
            yield Problem((*path, option), f"is for {kind} features, not {feature.type}")
    if feature.range and not feature.range[0] < feature.range[1]:
        yield Problem((*path, "range"), f"begins at {feature.range[0]:g}, not below its end ({feature.range[1]:g})")
    seen = set()
    for index, detector in enumerate(feature.detectors or ()):
        here = (*path, "detectors", index)
        detector_name = detector.name
        if detector_name in seen:
            yield Problem(here, f"'{detector_name}' is given twice")
        seen.add(detector_name)
        yield from detector_problems(here, detector, feature)


def _measured_problems(path: Path, name: str, feature: Feature, model: Model) -> Iterator[Problem]:
    """What does not fit a feature of which numbers are measured."""
    if feature.type == "embedding" and feature.dim is None:
        yield Problem(path, "is an embedding without 'dim', how many numbers it has")
    for watched in measured_names(name, feature.type):
        if watched in model.features:  # type: ignore[operator]  # it names them
            yield Problem(path, f"is watched as '{watched}', which is the name of another feature; rename one of them")
    if feature.type == "text" and feature.vocabulary is None and learned_records(model) is not None:
        said = ".".join(_says_learn(model))
        message = f"is text, whose words a profile has counted, and '{said}' is without one; give 'vocabulary'"
        yield Problem(path, f"{message}, name a profile, or leave the feature out")


def _moving_problems(path: Path, model: Model) -> Iterator[Problem]:
    """What cannot be compared with the time before."""
    if model.season:
        message = "is a part of a reference that stays, which 'previous' is not; keep one of both"
        yield Problem((*path, "season"), message)
    for name, feature in model.features.items() if isinstance(model.features, dict) else ():
        for index, detector in enumerate(feature.detectors or ()):
            if detector.name == "page_hinkley" and detector.options.get("input") != "raw":
                message = "needs a reference that stays, which 'previous' is not (adwin, or 'input: raw')"
                yield Problem((*path, "features", name, "detectors", index), f"'{detector.name}' {message}")


def _segments_problems(path: Path, model: Model) -> Iterator[Problem]:
    seen = set()
    features = model.features if isinstance(model.features, dict) else {}
    for index, segment in enumerate(model.segments):
        here = (*path, index)
        if segment.fields in seen:
            yield Problem(here, f"'{', '.join(segment.fields)}' is given twice")
        seen.add(segment.fields)
        yield from _segment_problems(here, segment, features)


def _segment_problems(path: Path, segment: Segment, features: dict[str, Feature]) -> Iterator[Problem]:
    for field, following in pairwise([*sorted(segment.fields), ""]):
        if field == following:
            yield Problem(path, f"'{field}' is given twice")
    for field in dict.fromkeys(segment.fields):
        feature = features.get(field)
        if feature and feature.type not in ("categorical", "boolean"):
            yield Problem(path, f"'{field}' is {feature.type}; a segment is a category")
        if feature and feature.sensitive:
            yield Problem(path, f"'{field}' is sensitive, and segments stand in every event by name; keep one of both")
    width = len(segment.fields)
    for combination in segment.values or ():
        if len(combination) != width:
            shown = f"[{', '.join(combination)}]"
            yield Problem(path, f"'{shown}' is not a value of each of {width} fields ({', '.join(segment.fields)})")
    values = list(segment.values or ())
    if len(set(values)) < len(values):
        yield Problem(path, "has a value twice")


def _later_problems(path: Path, model: Model) -> Iterator[Problem]:
    if model.labels and model.labels.mature is not None and model.labels.mature > model.labels.within:
        within = duration(model.labels.within)
        yield Problem(
            (*path, "labels", "mature"), f"'{duration(model.labels.mature)}' is longer than within ('{within}')"
        )
    if model.labels and model.labels.mature == 0 and (why := settled_by(model.labels, model.prediction)):
        yield Problem((*path, "labels", "mature"), f"'0 s' leaves no time to settle outcomes, as '{why}' asks for")
    if model.labels and model.labels.absent is not None:
        yield from absent_problems((*path, "labels", "absent"), model.labels.absent, model.prediction)
    for name, expectation in model.expect.items():
        if expectation.min is not None and expectation.max is not None and expectation.min > expectation.max:
            yield Problem((*path, "expect", name), f"has min {expectation.min:g} above max {expectation.max:g}")
        if expectation.in_ and expectation.values:
            yield Problem((*path, "expect", name), "has both 'in' and 'values', which say the same; keep one")
        number = expected_number(model, name)
        names = ("in_", "values", "min", "max", "unseen", "unique")
        for rule in names if number is not None else ():
            wrong = None if getattr(expectation, rule) in (None, False) else refused(model, name, rule.rstrip("_"))
            if wrong is not None:
                yield Problem((*path, "expect", name, rule.rstrip("_")), wrong)
        for value in expectation.listed or () if number else ():
            if not is_number(value):
                yield Problem((*path, "expect", name), f"lists '{value}', which is not a number, and '{name}' is one")
    if model.proxies and (model.prediction is None or model.prediction.task not in ("binary", "multiclass")):
        yield Problem((*path, "proxies"), "are of the probabilities of classes, and 'prediction' has none")
    if model.proxies and learned_records(model) is not None:
        said = ".".join(_says_learn(model))
        yield Problem((*path, "proxies"), f"are compared with a profile, and '{said}' is without one; name a profile")
    yield from _estimated_problems((*path, "estimated_performance"), model)
    yield from performance_problems(path, model)


def _estimated_problems(path: Path, model: Model) -> Iterator[Problem]:
    """Whether performance can be estimated of what the model predicts."""
    wanted = model.estimated_performance
    if not wanted:
        return
    if learned_records(model) is not None:
        said = ".".join(_says_learn(model))
        message = f"is estimated from labelled data in a profile, and '{said}' is without one; name a profile"
        yield Problem(path, f"{message}, or leave it out")
    if model.prediction is None:
        yield Problem(path, "needs to know what is predicted; give 'prediction: binary' or another task")
        return
    task, prediction = model.prediction.task, model.prediction
    known = ESTIMATED[task]
    for name in () if known and set(wanted) == set(EVERY) else wanted:
        if name not in known:
            listed = f" ({', '.join(known)})" if known else ""
            yield Problem(path, f"'{name}' cannot be estimated for {task} predictions{listed}")
    if task == "binary" and prediction.positive is None:
        yield Problem(path, "needs the positive class; give 'prediction: {task: binary, positive: CLASS}'")
    elif task == "multiclass" and prediction.classes is None:
        yield Problem(path, "needs the classes; give 'prediction: {task: multiclass, classes: [A, B, C]}'")
    elif task == "multiclass" and len(prediction.classes or ()) > MOST_CLASSES:
        yield Problem(path, f"is for at most {MOST_CLASSES} classes: scores of all of them share 250 bins")


def _season_problems(path: Path, model: Model, season: Season, pane_ms: int) -> Iterator[Problem]:
    moving = isinstance(model.reference, Reference) and model.reference.previous is not None
    if learned_records(model) is not None and not moving:
        message = "comes from a profile, and here references are learned from the stream; leave one of them out"
        yield Problem(path, message)
    if season.period < season.bins * pane_ms:
        period, pane = duration(season.period), duration(pane_ms)
        yield Problem((*path, "bins"), f"{season.bins} parts of '{period}' are shorter than job.pane ('{pane}')")
    for index, span in enumerate(season.ignore):
        if time_ms(span.from_) >= time_ms(span.to):
            yield Problem((*path, "ignore", index), f"begins at '{span.from_}', not before its end ('{span.to}')")
