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
from config.texts import Mapping, shape

Proxy = Annotated[Literal["margin", "entropy"], OneOf("a proxy")]
Level = Literal["negligible", "small", "medium", "large"]
FeatureType = Literal["numeric", "categorical", "boolean", "text", "embedding"]
Role = Literal["champion", "shadow", "challenger"]


class Version(Section):
    """A version that is expected, and what it is for; `role` may also come from the record."""

    short = "role"

    role: Annotated[Role, OneOf("a role")] = "champion"


class Reference(Section):
    """What versions are compared with: a profile, given or learned from their first records, or the time before."""

    profile: String | None = None
    learn: Annotated[int, Within(100)] | None = None
    previous: Duration | None = None
    save: String = "profiles/learned/{model}-{version}.json"


class Window(Section):
    """The span of the stream that is compared with the reference, and how often; it grows to reach `min_count`."""

    size: Duration = written("1 h")
    slide: Duration = written("5 min")
    min_count: Annotated[int, Within(1)] = 500
    grow_to: Duration = written("7 days")


class Alarms(Section):
    """How many false episodes are acceptable, and what makes an alarm an episode."""

    budget: Budget = written("1 per 30 days")
    confirm: Annotated[int, Within(1, 3)] = 2
    recover: Annotated[int, Within(1, 100)] = 3
    min_effect: Annotated[Level, OneOf("an effect")] = "small"
    critical: Annotated[Level, OneOf("an effect")] = "large"


class Prediction(Section):
    """What the model predicts."""

    short = "task"

    task: Annotated[Literal["binary", "multiclass", "regression", "ranking"], OneOf("a task")]
    positive: String | None = None
    threshold: Annotated[float, Within(0, 1)] = 0.5
    classes: Strings | None = None


class Feature(Section):
    """A feature: its type alone, or more about it."""

    short = "type"

    type: Annotated[FeatureType, OneOf("a type")]
    range: Annotated[tuple[Annotated[float, Within()], Annotated[float, Within()]] | None, BeforeValidator(pair)] = None
    sensitive: Flag = False
    detectors: tuple[Detector, ...] | None = None
    vocabulary: String | None = None
    dim: Annotated[int, Within(1, 8_192)] | None = None


class FromProfile(Section):
    """All features that the profile has, but for some."""

    from_: Annotated[Literal["profile"], OneOf("a place of features")] = Field(alias="from")
    exclude: Strings = ()


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
    values: tuple[Strings, ...] | None = None
    limit: Annotated[int, Within(1, 100_000)] = 1000

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
    versions: dict[str, Version] = Field(default_factory=dict)
    reference: Annotated[
        Annotated[Reference, Tag(TAG + "said")] | Annotated[String, Tag(TAG + "path")], Discriminator(_reference_tag)
    ] = "profiles/{model}-{version}.json"
    on_unknown_version: Annotated[Literal["previous_profile", "learn", "ignore"], OneOf("a rule")] = "previous_profile"
    window: Window = Window()
    alarms: Alarms = Alarms()
    prediction: Prediction | None = None
    features: Features | None = None
    segments: tuple[Segment, ...] = ()
    disclose: Annotated[int, Within(1)] = 20
    labels: Labels | None = None
    performance: tuple[Metric, ...] = ()
    estimated_performance: Estimated = ()
    proxies: tuple[Proxy, ...] = ()
    quality: Quality | None = None
    expect: dict[str, Expectation] = Field(default_factory=dict)
    correlation: Relations = None
    multivariate: Together = None
    season: Season | None = None
    value: Worth | None = None
    retrain: Retrain | None = None


class Model(Settings):
    """A model that is watched."""

    features: Features


class Group(Settings):
    """What several models have in common: those whose names match one of the patterns."""

    models: Annotated[Strings, BeforeValidator(not_empty)]
