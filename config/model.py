"""What the configuration says about one model; `defaults` and `groups` say the same for many."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag

from config.detector import Detector
from config.errors import TAG
from config.estimated import Estimated
from config.expectation import Expectation
from config.labels import Labels
from config.performance import Metric, Worth
from config.quality import Quality
from config.relations import Relations, Together
from config.retrain import Retrain
from config.scalars import Budget, Duration, Flag, Free, OneOf, String, Strings, Within, not_empty, pair
from config.season import Season
from config.section import Section, written
from config.slices import Chosen
from config.texts import Mapping, shape

Proxy = Annotated[Literal["margin", "entropy"], OneOf("a proxy")]
Level = Literal["negligible", "small", "medium", "large"]
FeatureType = Literal["numeric", "categorical", "boolean", "text", "embedding"]
Role = Literal["champion", "shadow", "challenger"]


class Version(Section):
    """A version that is expected, and what it is for; `role` may also come from the record."""

    short = "role"

    role: Annotated[Role, OneOf("a role")] = "champion"
    """Shadows and challengers neither ask for retraining nor call people."""


class Reference(Section):
    """What versions are compared with: a profile, given or learned from their first records, or the time before."""

    profile: String | None = None
    """A file that `tidemark profile` made; `{model}` and `{version}` stand for their names."""
    learn: Annotated[int, Within(100)] | None = None
    """How many first records of each version become its reference."""
    previous: Duration | None = None
    """The span before each window that it is compared with."""
    save: String = "profiles/learned/{model}-{version}.json"
    """Where a learned reference is written to."""


class Window(Section):
    """The span of the stream that is compared with the reference, and how often; it grows to reach `min_count`."""

    size: Duration = written("1 h")
    """How much of the stream is compared; a multiple of `slide`."""
    slide: Duration = written("5 min")
    """How often, and by how much windows move."""
    min_count: Annotated[int, Within(1)] = 500
    """With fewer records nothing is said."""
    grow_to: Duration = written("7 days")
    """How long a window may become to reach `min_count`."""


class Alarms(Section):
    """How many false episodes are acceptable, and what makes an alarm an episode."""

    budget: Budget = written("1 per 30 days")
    """`COUNT per DURATION`: false episodes of a model while its data are like the reference."""
    confirm: Annotated[int, Within(1, 3)] = 2
    """Evaluations in a row at which a windowed detector has to alarm."""
    recover: Annotated[int, Within(1, 100)] = 3
    """Evaluations in a row at which nothing may alarm, until an episode is over."""
    min_effect: Annotated[Level, OneOf("an effect")] = "small"
    """The smallest effect that is an alarm."""
    critical: Annotated[Level, OneOf("an effect")] = "large"
    """The effect from which on an episode is critical."""


class Prediction(Section):
    """What the model predicts."""

    short = "task"

    task: Annotated[Literal["binary", "multiclass", "regression", "ranking"], OneOf("a task")]
    """What is predicted."""
    positive: String | None = None
    """The class that a probability is of; of a ranking the label that is relevant."""
    threshold: Annotated[float, Within(0, 1)] = 0.5
    """The probability from which on the positive class is predicted."""
    classes: Strings | None = None
    """All classes; needed where there are more than two."""


class Feature(Section):
    """A feature: its type alone, or more about it."""

    short = "type"

    type: Annotated[FeatureType, OneOf("a type")]
    """What its values are."""
    range: Annotated[tuple[Annotated[float, Within()], Annotated[float, Within()]] | None, BeforeValidator(pair)] = None
    """`[LOWEST, HIGHEST]`: numbers out of it are counted and watched with `quality`."""
    sensitive: Flag = False
    """Its values are shown nowhere by name."""
    detectors: tuple[Detector, ...] | None = None
    """What looks at it: by default `psi`, `page_hinkley`, and at numbers `lepage` and `adwin`, too."""
    vocabulary: String | None = None
    """Of a text: a file of known words; without it those of the reference."""
    dim: Annotated[int, Within(1, 8_192)] | None = None
    """Of an embedding: how many numbers it has."""


class FromProfile(Section):
    """All features that the profile has, but for some."""

    from_: Annotated[Literal["profile"], OneOf("a place of features")] = Field(alias="from")
    """All features that the profile has."""
    exclude: Strings = ()
    """But these."""


def _features_tag(value: Any) -> str:
    if isinstance(value, dict) and "from" in value:
        # A feature may be called "from": the mapping is about a profile if it says so, or nothing else could be meant.
        near = value.keys() <= {"from", "exclude"} and value["from"] not in get_args(FeatureType)
        return TAG + ("profile" if value["from"] == "profile" or near else "named")
    return TAG + ("profile" if isinstance(value, FromProfile) else "named")


def _mapping(value: Any) -> Any:
    if not isinstance(value, (dict, FromProfile)):
        msg = f"is {shape(value)}, not a mapping (names and types, or {{from: profile}})"
        raise ValueError(msg)
    return value


Features = Annotated[
    Annotated[FromProfile, Tag(TAG + "profile")] | Annotated[dict[str, Feature], Tag(TAG + "named")],
    Discriminator(_features_tag),
    BeforeValidator(_mapping),
]


class Segment(Section):
    """One way to slice the traffic: fields of the record, their values from the profile or listed."""

    fields: Annotated[Strings, BeforeValidator(not_empty)]
    """A field of the record, or several together."""
    values: tuple[Strings, ...] | None = None
    """Which values are watched for themselves; without a word the most frequent of the reference."""
    limit: Annotated[int, Within(1, 100_000)] = 1000
    """How many at most."""

    @classmethod
    def arrange(cls, value: Any) -> Any:
        """Read ``country``, ``[country, device]`` and ``{country: [NO, DE]}`` as well."""
        if isinstance(value, (str, list)):
            return {"fields": value}
        if isinstance(value, Mapping) and len(value) == 1 and "fields" not in value:
            name, values = next(iter(value.items()))
            return {"fields": [name], "values": values}
        return value

    @classmethod
    def other_forms(cls, properties: dict[str, Any]) -> list[dict[str, Any]]:
        """A field, fields, or a field with its values."""
        values = {"type": "object", "maxProperties": 1, "additionalProperties": properties["fields"]}
        return [properties["fields"], values]


def _reference_tag(value: Any) -> str:
    return TAG + ("said" if isinstance(value, (dict, Reference)) else "path")


class Settings(Section):
    """All that can be said of a model, with what holds when nothing is said."""

    info: Free = Field(default_factory=dict)
    """Anything; it is copied into events."""
    versions: dict[str, Version] = Field(default_factory=dict)
    """Versions that are expected, and their roles."""
    reference: Annotated[
        Annotated[Reference, Tag(TAG + "said")] | Annotated[String, Tag(TAG + "path")], Discriminator(_reference_tag)
    ] = "profiles/{model}-{version}.json"
    """What versions are compared with."""
    on_unknown_version: Annotated[Literal["previous_profile", "learn", "ignore"], OneOf("a rule")] = "previous_profile"
    """What becomes of a version without a profile."""
    window: Window = Window()
    """The span that is compared."""
    alarms: Alarms = Alarms()
    """The budget, and what makes an alarm an episode."""
    prediction: Prediction | None = None
    """What the model predicts."""
    features: Features | None = None
    """What it predicts from."""
    segments: tuple[Segment, ...] = ()
    """How its traffic is sliced."""
    disclose: Annotated[int, Within(1)] = 20
    """A category is named, and a segment listed, if so many records of the reference have it."""
    labels: Labels | None = None
    """How long to wait for the truth, and what its absence means."""
    performance: tuple[Metric, ...] = ()
    """Which measures are computed of labels."""
    slices: Chosen = None
    """Of which features the slice that lost or changed most is searched; `true`: the categorical and boolean ones."""
    by_class: Chosen = None
    """Which features summaries count by predicted class, for the dashboard; `true` is all of them."""
    estimated_performance: Estimated = ()
    """Which measures are estimated before labels come; `true` is all of the task."""
    proxies: tuple[Proxy, ...] = ()
    """What is watched of probabilities, beside the confidence."""
    quality: Quality | None = None
    """Whether the data are fit for use; `true` is all of it."""
    expect: dict[str, Expectation] = Field(default_factory=dict)
    """What values have to be like, by field, whatever the reference says."""
    correlation: Relations = None
    """Whether pairs of features go together as they did; without a word where the profile says how they did."""
    multivariate: Together = None
    """Whether all features go together as they did."""
    season: Season | None = None
    """A pattern that comes back: windows are compared with the reference at the same times."""
    value: Worth | None = None
    """What right and wrong predictions are worth, as a measure."""
    retrain: Retrain | None = None
    """When to ask for a new version."""


class Model(Settings):
    """A model that is watched."""

    features: Features


class Group(Settings):
    """What several models have in common: those whose names match one of the patterns."""

    models: Annotated[Strings, BeforeValidator(not_empty)]
    """Names or patterns (`fraud-*`)."""
