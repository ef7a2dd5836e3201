"""Whether a profile is sound, and whether it is one for the features that the configuration has."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType

import msgspec
import numpy as np

from config.durations import duration
from config.measured import measured_names
from config.plan import FeaturePlan, SeasonPlan
from operators.encoding.measures import dim_of, measured_fields, yardsticks_of
from operators.estimation.loss_trees import sound
from operators.estimation.score_rates import GROUPS
from operators.labels.facts import BINS as DELAYS
from operators.metrics.baseline import baseline_of, decoded
from operators.profiles.references import FEATURE
from operators.profiles.slices import SliceCodec
from operators.profiles.vocabulary import word_hashes_of
from operators.reading.values import DISGUISED
from operators.relations.correlations import RelationColumns, unpack, widest
from operators.relations.reconstruction import RECONSTRUCTION
from operators.sketches import leb128
from schemas.errors import ProfileError, StateVersionError
from schemas.profile import (
    BINS,
    TOP,
    CategoricalSignal,
    NumericSignal,
    Profile,
    Signal,
    Slice,
    TextReference,
    VectorReference,
)

_TYPES = {True: ("numeric",), False: ("categorical", "boolean")}  # feature types by: the signal is a number


def damage(profile: Profile) -> str | None:
    """What no profile can be, whoever wrote it; None for a sound one.

    >>> from schemas.profile import Provenance
    >>> none = CategoricalSignal(count=0, missing=0, invalid=0, categories=(("a", 1),), rest=0, distinct=1)
    >>> made = Provenance(source="a.csv", rows=0, start=None, end=None, tidemark="0")
    >>> damage(Profile(model="churn", version=None, provenance=made, signals={"prediction": none}))
    'prediction: its counts do not add up'
    """
    for name, signal in profile.signals.items():
        wrong = _of_numbers(signal) if isinstance(signal, NumericSignal) else _of_names(signal)
        if wrong is not None:
            return f"{name}: {wrong}"
    checks = (_of_measures, _of_slices, _of_sample, _of_relations, _of_baseline, _of_estimation, _of_labels)
    return next((wrong for check in checks if (wrong := check(profile)) is not None), None)


def _of_sample(profile: Profile) -> str | None:
    found = profile.sample
    if isinstance(found, msgspec.UnsetType):
        return None
    known = all(name in profile.signals for name in found.signals)
    sound = known and len(found.codes) % max(len(found.signals), 1) == 0 and 0 <= found.share <= 1
    return None if sound else "sample: its records are none of its signals"


def _of_labels(profile: Profile) -> str | None:
    found = profile.labels
    if isinstance(found, msgspec.UnsetType):
        return None
    spans, bins = len(found.predictions), {len(delays) for delays in found.delays}
    if found.slide_ms < 1 or len(found.delays) != spans or len(bins) != 1 or not 1 <= max(bins) <= DELAYS:
        return "labels: their delays do not fit its spans"
    counts = zip(found.predictions, found.delays, strict=True)
    sound = all(min(delays) >= 0 and sum(delays) <= predictions for predictions, delays in counts)
    return None if sound and any(map(any, found.delays)) else "labels: their delays do not add up"


def _of_estimation(profile: Profile) -> str | None:
    found = profile.estimation
    if isinstance(found, msgspec.UnsetType):
        return None
    if (wrong := _of_numbers(found.score)) is not None:
        return f"estimation: {wrong}"
    row = 4 * len(found.score.counts)
    whole = (1 + GROUPS) * row
    sizes = [len(found.rates) == whole, len(found.squares) in (0, whole), len(found.fourths) in (0, row)]
    if not all(sizes) or len(found.predicted) % row or bool(found.loss) != bool(found.squares):
        return "estimation: its tables do not fit its bins"
    tables = [np.frombuffer(table, "<f4") for table in (found.rates, found.squares, found.fourths, found.predicted)]
    if not all(bool(np.isfinite(table).all()) for table in tables):
        return "estimation: its tables have numbers that are none"
    if any(leb128.unpack(counts, np.zeros(row // 4, np.int64)) != row // 4 for counts in found.segments.values()):
        return "estimation: its segments cannot be read"
    if found.loss is not None and any(name not in profile.signals for name in found.loss.features):
        return "estimation: it asks for features that the profile does not have"
    return None if found.loss is None or sound(found.loss) else "estimation: its trees are none"


def _of_relations(profile: Profile) -> str | None:
    told = profile.relations
    if isinstance(told, msgspec.UnsetType):
        return None
    widths = {name: widest(profile.signals[name]) for name in told.columns if name in profile.signals}
    if any(not 0 < width <= widths.get(name, 0) for name, width in told.columns.items()):
        return "relations: their columns are not those of its features"
    signals = [profile.signals[name] for name in told.columns]
    columns = RelationColumns(signals, range(len(signals)), list(told.columns.values()))
    try:
        size = len(unpack(told.sums))
    except StateVersionError:
        size = -1
    floats = [np.frombuffer(data, "<f4") if len(data) % 4 == 0 else np.zeros(0) for data in (told.variances, told.tau)]
    positive = all(len(one) == len(columns.one) and bool((one > 0).all() & np.isfinite(one).all()) for one in floats)
    skews = np.frombuffer(told.skews, "<f4") if len(told.skews) % 4 == 0 else np.full(1, np.nan)
    positive &= len(skews) in (0, len(columns.one)) and bool(np.isfinite(skews).all())
    if size != columns.size or not positive:
        return "relations: their sums do not add up"
    return _of_components(profile, len(columns.of)) or _of_domain(profile, len(told.columns))


def _of_components(profile: Profile, columns: int) -> str | None:
    told, errors = profile.multivariate, profile.signals.get(RECONSTRUCTION)
    if isinstance(told, msgspec.UnsetType):
        return None if errors is None else f"{RECONSTRUCTION}: it has no components"
    whole = len(told.components) % (8 * max(columns, 1)) == 0
    sound = whole and bool(np.isfinite(np.frombuffer(told.components, "<f8")).all())
    if not sound or isinstance(errors, NumericSignal) != bool(told.components):
        return f"{RECONSTRUCTION}: its components are none"
    return None


def _of_domain(profile: Profile, features: int) -> str | None:
    told = profile.domain
    if isinstance(told, msgspec.UnsetType):
        return None
    pairs = np.frombuffer(told.pairs, "<u2") if len(told.pairs) % 4 == 0 else np.full(1, features)
    whole = len(told.codes) % max(features, 1) == 0 and 0 <= told.learned * features <= len(told.codes)
    sound = whole and bool((pairs < features).all()) and 0 <= told.share <= 1
    return None if sound else "domain: its sample is none of its features"


def _of_baseline(profile: Profile) -> str | None:
    found = baseline_of(profile)
    if found is None:
        return None
    for name, signal in found.streams.items():
        if not isinstance(signal, NumericSignal) or (wrong := _of_numbers(signal)) is not None:
            return f"performance: {name}: {wrong if isinstance(signal, NumericSignal) else 'it is no number'}"
    try:
        sums = [decoded(sums) for sums in (found.sums, *found.segments.values())]
    except msgspec.DecodeError:
        return "performance: its sums cannot be read"
    # A list that is incomplete may be complete in a segment.
    most = max(one.labels for one in sums if one is sums[0] or one.lists is None)
    return None if sums[0].labels == found.labels >= most else "performance: its labels do not add up"


def _of_measures(profile: Profile) -> str | None:
    yardsticks = yardsticks_of(profile)
    for name, text in yardsticks.texts.items():
        if len(text.words) % 4 or (np.diff(word_hashes_of(text).astype(np.int64)) <= 0).any():
            return f"{name}: its words are not in order"
    for name, reference in yardsticks.vectors.items():
        if not _is_sound(reference):
            return f"{name}: its directions are none"
    for feature in measured_fields(profile):
        for watched in measured_names(feature.name, feature.type):
            if not isinstance(profile.signals.get(FEATURE + watched), NumericSignal):
                return f"{feature.name}: it lacks {FEATURE + watched}"
    return None


def _is_sound(reference: VectorReference) -> bool:
    dim, count = dim_of(reference), len(reference.deviations)
    if dim == 0 or len(reference.center) != 8 * dim or len(reference.directions) != 4 * dim * count:
        return False
    numbers = np.frombuffer(reference.center, "<f8"), np.frombuffer(reference.directions, "<f4")
    positive = all(math.isfinite(deviation) and deviation > 0 for deviation in reference.deviations)
    return positive and all(bool(np.isfinite(part).all()) for part in numbers)


def _of_slices(profile: Profile) -> str | None:
    codec = SliceCodec(list(profile.signals.values()))
    parts: list[tuple[str, Slice, int | None]] = []  # name, slice, records that it must have
    if not isinstance(profile.slices, msgspec.UnsetType):
        for fields, slices in profile.slices.items():
            known = dict(profile.segments.get(fields, ()))
            parts += [(text, part, known.get(text, -1)) for text, part in slices.items()]
    if not isinstance(profile.season, msgspec.UnsetType):
        parts += [(f"part {n} of the season", part, None) for n, part in enumerate(profile.season.slices) if part]
    for name, part, records in parts:
        try:
            most = int(codec.counts(part).sum(axis=1).max(initial=0))
        except ProfileError as error:
            return f"{name}: {error}"
        if most > part.records or records not in (None, part.records) or not np.isfinite(codec.moments(part)).all():
            return f"{name}: its counts do not add up"
    return None


def season_misfit(profile: Profile, season: SeasonPlan | None) -> str | None:
    """What the configuration's season is otherwise than the profile's; what that ignores may be something else now.

    A season of the profile that the configuration does not ask for is let be.
    """
    if season is None:
        return None
    wanted = season_text(season.period_ms, season.bins, season.timezone)
    found = profile.season
    if isinstance(found, msgspec.UnsetType):
        return f"made without season (wanted {wanted})"
    made = season_text(found.period_ms, len(found.slices), found.timezone)
    return f"made with a season of {made} (wanted {wanted})" if made != wanted else None


def season_text(period_ms: int, bins: int, timezone: str) -> str:
    """A season as people say it.

    >>> season_text(604_800_000, 168, "Europe/Berlin")
    '168 parts of 7 days in Europe/Berlin'
    """
    return f"{bins} parts of {duration(period_ms)} in {timezone}"


def _of_numbers(signal: NumericSignal) -> str | None:
    bins = len(signal.edges) + 1
    if not all(map(math.isfinite, (*signal.edges, signal.mean, signal.sd))) or signal.sd < 0:
        return "has numbers that are none"
    if any(one >= other for one, other in pairwise(signal.edges)):
        return "its edges do not ascend"
    if bins > BINS or len(signal.counts) != bins or len(signal.means) != bins:
        return f"has {len(signal.counts)} counts and {len(signal.means)} means for {bins} bins (at most {BINS})"
    return _of_counts(signal.counts, 0, signal.count)


def _of_names(signal: CategoricalSignal) -> str | None:
    names = [name for name, _ in signal.categories]
    if len(names) > TOP or len(set(names)) < len(names):
        return f"has {len(names)} categories, {len(set(names))} different ones (at most {TOP})"
    counts = tuple(count for _, count in signal.categories)
    if any(one < other for one, other in pairwise(counts)):
        return "its categories are not in the order of their counts"
    return _of_counts(counts, signal.rest, signal.count)


def _of_counts(counts: tuple[int, ...], rest: int, total: int) -> str | None:
    return "its counts do not add up" if min((*counts, rest)) < 0 or sum(counts) + rest != total else None


def misfits(
    profile: Profile, features: Iterable[FeaturePlan], vocabularies: Mapping[str, TextReference] = MappingProxyType({})
) -> list[str]:
    """What the configuration says otherwise than the profile, feature by feature.

    Parameters
    ----------
    profile, features
        The two.
    vocabularies
        Words of the files that features name, by field.
    """
    wrong: dict[str, str] = {}
    yardsticks = yardsticks_of(profile)
    measured = {feature.name: feature for feature in measured_fields(profile)}
    whole = {name: field for field, feature in measured.items() for name in measured_names(field, feature.type)}
    for feature in features:
        was = measured.get(feature.field)
        if feature.of is None:
            signal = profile.signals.get(FEATURE + feature.name)
            of = whole.get(feature.name)
            what = _misfit(feature, signal) if of is None else f"was measured of '{of}', is {feature.type}"
        elif was is None or was.dim != feature.dim:
            what = _other_type(feature, was, profile.signals.get(FEATURE + feature.field))
        elif feature.measure == "coverage" and _other_words(
            yardsticks.texts[feature.field], vocabularies.get(feature.field)
        ):
            what = "its vocabulary has changed"
        else:
            what = _misfit(feature, profile.signals.get(FEATURE + feature.name))
        if what is not None:
            wrong.setdefault(feature.field, what)
    return [f"{field}: {what}" for field, what in wrong.items()]


def _other_type(feature: FeaturePlan, was: FeaturePlan | None, signal: Signal | None) -> str:
    """What is wrong with a feature that is to be measured, and was not, or as something else."""
    now = _kind(feature)
    if was is not None:
        return f"was {_kind(was)}, is {now}"
    if signal is None:
        return "is not in it"
    return f"was {'numeric' if isinstance(signal, NumericSignal) else 'categorical'}, is {now}"


def _kind(feature: FeaturePlan) -> str:
    return "text" if feature.dim is None else f"an embedding of {feature.dim}"


def _other_words(text: TextReference, vocabulary: TextReference | None) -> bool:
    """Whether a profile's words are others than those of the file that is named now."""
    return text.records is None if vocabulary is None else text != vocabulary


def _misfit(feature: FeaturePlan, signal: Signal | None) -> str | None:
    if signal is None:
        return "is not in it"
    if feature.type not in _TYPES[isinstance(signal, NumericSignal)]:
        was = "numeric" if isinstance(signal, NumericSignal) else "categorical"
        return f"was {was}, is {feature.type}"
    if feature.sensitive and _is_told(signal):
        return "was not sensitive, is sensitive"
    return None


def _is_told(signal: Signal) -> bool:
    """Whether something stands in it that must not be told of a sensitive feature."""
    if isinstance(signal, NumericSignal):
        return signal.min is not None or signal.max is not None
    return not all(DISGUISED.fullmatch(name) for name, _ in signal.categories)


def was_sensitive(signal: Signal) -> bool:
    """Whether a profile was made of a feature that the configuration called sensitive."""
    present = signal.count if isinstance(signal, NumericSignal) else len(signal.categories)
    return present > 0 and not _is_told(signal)
