"""The plan: what a configuration comes to, as plain frozen structs. Operators see this and never YAML.

A plan holds no secret: connection settings stay with `Configuration` and reach only the job's client.
Times are milliseconds, event times milliseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.errors import UsageError

FRESHNESS = "quality.freshness"  # the rule that is held against the time at which records arrive
ALL = "all"  # the segment that is the whole traffic
RIVER = "river:"  # begins the names of river's own detectors
MOST_RELATED = 100  # features up to which watching their relations was measured to take less than a tenth of the speed


class FieldsPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source's records keep what. A text starting with ``/`` is a JSON pointer, else a column or key."""

    id: str = "/id"
    timestamp: str = "/timestamp"
    model: str = "/model"
    version: str = "/version"
    role: str = "/role"
    features: str = "/features"
    prediction: str = "/prediction"
    probabilities: str = "/probabilities"
    confidence: str = "/confidence"
    label: str = "/label"
    group: str = "/group"
    item: str = "/item"
    score: str = "/score"


class TimePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Event time: the broker's, the record's own, or counted from the row number."""

    kind: Literal["kafka", "payload", "every", "unknown"] = "kafka"  # unknown: of a reference in no known order
    every_us: int = 0  # `every`: row i has from_ms + i x every
    from_ms: int = 0


class SourcePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One source: a topic, or files."""

    name: str  # its key in `sources`
    kind: Literal["predictions", "labels", "features"]
    topic: str | None = None  # exactly one of topic and path
    path: str | None = None  # file name, glob or fsspec URL
    format: Literal["json", "jsonl", "csv", "parquet"] = "json"
    columns: tuple[str, ...] | None = None  # names of the columns of a CSV without header
    time: TimePlan = TimePlan()
    out_of_orderness_ms: int = 5_000
    idle_ms: int = 30_000
    max_skew_ms: int = 3_600_000
    start: str = "committed"  # earliest | latest | committed | an RFC 3339 time
    model: str | None = None  # constants for all records of the source
    version: str | None = None
    fields: FieldsPlan = FieldsPlan()
    carries: tuple[str, ...] | None = None  # features its records have; None: all of the model


class DetectorPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One detector of a feature."""

    name: str  # psi, lepage, ks, chi_squared, adwin, page_hinkley, river:NAME ...
    threshold: float | None = None  # the user's own, outside the budget
    input: Literal["rank", "raw"] = "rank"
    options: dict[str, Any] = {}  # e.g. {"reset": "river", "delta": 0.002}

    @property
    def is_river(self) -> bool:
        """Whether it is river's own, with options as its constructor takes them, outside the budget."""
        return self.name.startswith(RIVER)

    @property
    def in_budget(self) -> bool:
        """Whether its threshold follows from the budget."""
        return self.threshold is None and self.input == "rank" and not self.is_river


class FeaturePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One feature that is watched. Texts and embeddings are not: `config.measured` makes numeric features of them."""

    name: str
    type: Literal["numeric", "categorical", "boolean", "text", "embedding"]
    sensitive: bool = False
    range: tuple[float, float] | None = None
    detectors: tuple[DetectorPlan, ...] | None = None  # None: the defaults of its type
    of: str | None = None  # the text or embedding that this number is measured of
    measure: Literal["length", "coverage", "norm", "distance"] | None = None  # what is measured of it
    vocabulary: str | None = None  # file of the words that texts are expected to have; None: those of the reference
    dim: int | None = None  # numbers of an embedding

    @property
    def field(self) -> str:
        """Where records have it."""
        return self.of or self.name


class WindowPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How long windows are and how often they are evaluated."""

    size_ms: int
    slide_ms: int
    min_count: int
    grow_to_ms: int
    previous_ms: int = 0  # span before a window that it is compared with; 0: with the profile


class AlarmsPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How many false episodes are accepted, and what an episode takes."""

    budget: float  # expected false episodes ...
    period_ms: int  # ... per so long
    confirm: int
    recover: int
    min_effect: Literal["negligible", "small", "medium", "large"]
    critical: Literal["negligible", "small", "medium", "large"]


class PredictionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the model's prediction is."""

    task: Literal["binary", "multiclass", "regression", "ranking"]
    positive: str | None = None
    threshold: float = 0.5
    classes: tuple[str, ...] | None = None


class SegmentPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One way of slicing; its values come from the list or from the profile."""

    fields: tuple[str, ...]  # ("country",) or ("country", "device")
    values: tuple[tuple[str, ...], ...] | None = None  # listed combinations; None: from the profile
    limit: int = 1000


class VersionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says of a version."""

    role: Literal["champion", "shadow", "challenger"] = "champion"


class LearnPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A reference that is made from a version's own first records, for the whole traffic and for each segment."""

    records: int
    save: str  # path template with {model} and {version}: a copy of what was learned of the whole traffic


class LabelsPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How long a prediction waits for its label, and which share of them does."""

    within_ms: int
    sample: float = 1.0  # of the ids, by their hashes
    mature_ms: int = 0  # how long after a prediction its performance is told; 0: when labels come, by their own times
    mature_given: bool = False  # by the configuration; else profiles may say it, where outcomes are not settled
    keep: Literal["first", "last"] = "first"  # which label of an id counts; the last one until then
    absent: str | None = None  # label of predictions that have none by then
    grouped: bool = False  # they are of items of groups, which are settled whole
    by: tuple[str, ...] = ()  # sources of labels of which it is watched which share of the predictions they label

    @property
    def settles(self) -> bool:
        """Whether what a prediction's outcome is shows only when it is mature."""
        return self.keep == "last" or self.absent is not None or self.grouped


class MetricPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A measure of performance, and between which values it is fine."""

    name: str
    min: float | None = None
    max: float | None = None
    of: str | None = None  # the class that it is of; None: the positive one, or an average over all
    average: Literal["macro", "weighted"] = "macro"
    k: int | None = None  # how many of the first it is of: `precision_at_k`, and measures of rankings
    worth: tuple[float, float, float, float] | None = (
        None  # of `value`: true and false positives, true and false negatives
    )

    @property
    def title(self) -> str:
        """What tells it from others of its name: ``f1_weighted``, ``f1.gold``, ``precision_at_100``, ``ndcg_at_10``."""
        if self.k is not None:
            return f"{self.name.removesuffix('_at_k')}_at_{self.k}"
        if self.of is not None:
            return f"{self.name}.{self.of}"
        return self.name if self.average == "macro" else f"{self.name}_{self.average}"


class SeasonPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern that comes back: bins of a period, by the clocks of a time zone."""

    period_ms: int
    bins: int
    timezone: str = "UTC"
    ignore: tuple[tuple[int, int], ...] = ()  # from, to


class QualityPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Of what about the data themselves the share of records is watched, for each field that can have it."""

    missing: bool = True
    invalid: bool = True
    unseen: bool = True
    range: bool = True
    duplicates: bool = True  # ids that came before
    frozen: bool = True  # numbers that do not vary any more
    volume: bool = True  # how many records there are
    labels: bool = True  # which share of predictions gets them, and how soon; of models whose performance is computed
    schema: bool = True  # which fields records have


class CorrelationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Relations between features are watched, all pairs of them."""

    pairs: int = 50  # most closely related ones, which have half of the budget


class RulePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is expected of a field."""

    field: str  # a feature, what is measured of one, prediction, confidence or label
    what: Literal["min", "max", "values", "missing", "invalid", "unseen", "unique", "stale"]
    limit: float = 0.0  # `min`, `max`: of a value; `missing`, `invalid`, `unseen`: of the share of records
    values: tuple[str, ...] = ()
    number: bool | None = False  # the field is read as a number; None: the profile will say whether

    @property
    def name(self) -> str:
        """As events call it."""
        return FRESHNESS if self.what == "stale" else f"expect.{self.field}.{self.what}"

    @property
    def each(self) -> bool:
        """Every record has to keep to it, and not most of them."""
        return self.what in ("min", "max", "values", "unique")


class RetrainPlan(msgspec.Struct, frozen=True, kw_only=True):
    """When a new version is asked for."""

    when: tuple[str, ...]  # kinds of episodes that are a reason ...
    severity: Literal["warning", "critical"]  # ... from this on
    blocked_by: tuple[str, ...]  # kinds of episodes that make data unfit
    min_samples: int
    max_wait_ms: int
    cooldown_ms: int
    every_ms: int | None = None
    expires_ms: int
    cost: float | None = None  # of a new version, in the unit of what a correct prediction is worth
    value_per_correct: float = 1.0


class ModelPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One model and all that is watched of it."""

    name: str
    info: dict[str, Any] = {}  # copied into events
    versions: dict[str, VersionPlan] = {}  # empty: any version, champion
    reference: str | None = None  # path template with {model} and {version}; None: there are no profiles
    learn: LearnPlan | None = None  # of versions without a profile
    on_unknown_version: Literal["previous_profile", "learn", "ignore"] = "previous_profile"
    window: WindowPlan
    alarms: AlarmsPlan
    prediction: PredictionPlan | None = None
    features: tuple[FeaturePlan, ...]
    features_from_profile: bool = False  # `features: {from: profile}`; `features` is then filled from it
    features_exclude: tuple[str, ...] = ()
    segments: tuple[SegmentPlan, ...] = ()
    disclose: int = 20
    freshness_ms: int = 600_000  # a stream that stands still for so long is reported
    season: SeasonPlan | None = None
    labels: LabelsPlan | msgspec.UnsetType = msgspec.UNSET  # of models that no source of labels is for
    # Unset, and then no part of the configuration's id, where the configuration says nothing about it.
    quality: QualityPlan | msgspec.UnsetType = msgspec.UNSET
    expect: tuple[RulePlan, ...] | msgspec.UnsetType = msgspec.UNSET  # likewise
    performance: tuple[MetricPlan, ...] | msgspec.UnsetType = msgspec.UNSET  # what is computed of labels
    slices: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET  # features whose slices are searched; none: categorical
    by_class: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET  # features counted by predicted class; none: all
    errors: tuple[DetectorPlan, ...] | msgspec.UnsetType = msgspec.UNSET  # what follows errors as labels come
    correlation: CorrelationPlan | msgspec.UnsetType | None = msgspec.UNSET  # None: never; unset: see `pairs`
    retrain: RetrainPlan | msgspec.UnsetType = msgspec.UNSET
    proxies: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET  # watched of the probabilities of classes
    estimated: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET  # measures that are estimated before labels come
    multivariate: Literal[True] | msgspec.UnsetType = msgspec.UNSET  # likewise
    classifier: Literal[True] | msgspec.UnsetType = msgspec.UNSET  # likewise; of the domain, only with `multivariate`

    @property
    def pairs(self) -> CorrelationPlan | None:
        """How relations of pairs of features are watched where a profile has them; None: not at all.

        Where the configuration says nothing they are, unless there are too many features for it to be cheap.
        """
        if self.correlation is msgspec.UNSET:
            return CorrelationPlan() if 2 <= len(self.features) <= MOST_RELATED else None
        return self.correlation

    @property
    def searches_losses(self) -> bool:
        """Whether slices are searched for losses of performance: of lists nothing is told of single items."""
        return isinstance(self.slices, tuple) and isinstance(self.performance, tuple) and not self.is_ranking

    @property
    def is_ranking(self) -> bool:
        """Whether items are put in order, and what turned out is told of whole groups of them."""
        return self.prediction is not None and self.prediction.task == "ranking"


class SinkPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages go: a topic or a file."""

    topic: str | None = None
    path: str | None = None
    payload: Literal["none", "full"] = "none"  # dead letters only


class ControlPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Where people and pipelines tell the job something: a topic or a file."""

    topic: str | None = None
    path: str | None = None


class JobPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The job as a whole."""

    name: str = "tidemark"
    environment: str = "default"
    parallelism: int = 1
    pane_ms: int = 10_000
    checkpoint_every_ms: int = 10_000
    checkpoint_dir: str = "./.tidemark/checkpoints"
    state: Literal["memory", "rocksdb"] = "memory"
    delivery: Literal["exactly-once", "at-least-once"] = "exactly-once"
    cluster: str | None = None  # where `submit` sends it if nothing is said: HOST:PORT
    logs: Literal["text", "json"] = "text"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    job: JobPlan
    sources: tuple[SourcePlan, ...]
    on_unknown_model: Literal["ignore", "dead_letter"] = "ignore"
    events: SinkPlan
    summaries: SinkPlan | None = None
    dead_letters: SinkPlan | None = None
    control: ControlPlan | None = None
    models: tuple[ModelPlan, ...]
    unavailable: tuple[str, ...] = ()  # accepted parts that this release does not run yet, as lines for people
    configuration_id: str = ""  # sha256 of the resolved configuration without secrets

    def model(self, name: str) -> ModelPlan:
        """Look a model up that a command names.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        for model in self.models:
            if model.name == name:
                return model
        message = f"there is no model '{name}' (there are: {', '.join(model.name for model in self.models)})"
        raise UsageError(message)


# Made while this is imported, which one thread does: see operators/profiles/references.py.
_plan_decoder = msgspec.msgpack.Decoder(Plan)


def read_plan(data: bytes) -> Plan:
    """Read what was sent to an operator."""
    return _plan_decoder.decode(data)
