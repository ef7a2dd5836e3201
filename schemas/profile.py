"""The profile: what the reference data looks like, signal by signal; one JSON file with a content id."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

FORMAT = 1  # raised when an older release could misread the file

BINS = 250  # most bins of a numeric signal: a multiple of 10 so that deciles are whole bins, below the special codes
TOP = 250  # most categories kept by name; the rest are counted together
DISCRETE = 50  # at most so many distinct values are kept as values


class Calibration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How closely a signal's values follow those before them: what their means and counts vary by, and why.

    tau is the variance of a mean over that of independent values: a signal with tau 18 has as many independent values
    as records, divided by 18. All three are by length, for windows of 2, 4, 8, ... values, the last for all longer
    ones; none where no dependence was found. Estimates: `error` says how far off they may be.
    """

    values: int  # of the reference, in the order of time, that this was computed from
    error: float  # relative standard error of the estimates, about
    tau: tuple[float, ...] = ()  # of ranks
    spread_tau: tuple[float, ...] = ()  # of spread ranks |2u - 1|
    # Variances of shares along their principal directions over those of independent values, largest first, at most
    # nine; then one for all further directions.
    shares: tuple[tuple[float, ...], ...] = ()
    # Of the gap between distribution functions: the largest variance of one over the largest of independent values.
    # None of names, and where it is not known: the larger tau is taken.
    gap_tau: tuple[float, ...] = ()


class NumericSignal(msgspec.Struct, frozen=True, kw_only=True, tag="numeric", omit_defaults=True):
    """A number-valued signal. ``counts[i]`` values x have ``edges[i-1] <= x < edges[i]``, ends open.

    Continuous: up to 249 interior quantile edges. Discrete (at most 50 values v, each seen twice on average):
    the edges are v and the next float above v for each of them, so every value has a bin of its own and unseen
    values between, below and above known ones fall into bins that the reference left empty.
    """

    count: int  # finite values
    missing: int
    invalid: int  # present but not a finite number
    mean: float
    sd: float  # of these values themselves (divided by count); 0 for a constant
    min: float | None  # None where there was no value, or the signal is sensitive
    max: float | None
    discrete: bool
    edges: tuple[float, ...]
    counts: tuple[int, ...]  # len(edges) + 1
    means: tuple[float, ...]  # mean of the values in each bin; of an empty one its middle, or its edge where it is open
    calibration: Calibration | None = None  # None: not known, taken for independent values


class CategoricalSignal(msgspec.Struct, frozen=True, kw_only=True, tag="categorical", omit_defaults=True):
    """A signal of names (classes, booleans as ``true`` and ``false``), most frequent first, ties by name."""

    count: int  # values present
    missing: int
    invalid: int
    categories: tuple[tuple[str, int], ...]  # at most 250
    rest: int  # values of categories beyond those named
    distinct: int  # number of categories seen; a lower bound when `rest` is not 0
    calibration: Calibration | None = None


Signal = NumericSignal | CategoricalSignal


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the reference's records, on the bins and categories of all of them.

    The bytes are those of operators/profiles/slices.py, in the file as base64.
    """

    records: int
    counts: bytes  # of each signal of the profile its values by code, missing and invalid ones
    moments: bytes  # of each numeric signal mean and sd of its values


class TextReference(msgspec.Struct, frozen=True, kw_only=True):
    """What the texts of a field are measured by: the words that are known, as hashes.

    ``feature.NAME.coverage`` is the share of a text's words that are among them. Hashes are those of
    operators/reading/words.py, 32 bits each, little-endian and ascending, in the file as base64.
    """

    words: bytes
    records: int | None  # so many records of the reference have each of them; None: they are from a file


class Share(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Records of the reference that are of one kind, as one of the quality signals counts them."""

    found: int
    records: int  # that carry the field
    range: tuple[float, float] | None = None  # of ``quality.range``: the values that are in it
    calibration: Calibration | None = None  # how they follow each other; None: not known
    runs: int | None = None  # of ``quality.frozen``: runs of one value, the longest of which has ``found`` records
    lasted_ms: int | None = None  # likewise, the one that lasted longest; None: times are not known


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """Which fields the reference's records have, whether they are looked at or not; see operators' field_names.py."""

    form: Literal["json", "table"]  # names are pointers, or columns
    records: int  # that were looked at
    named: dict[str, int]  # records that have the field, by name; at most 1,000, none in fewer than `disclose`
    rest: int  # names beyond those, about
    most: int  # records that have one of these, at most


class Season(msgspec.Struct, frozen=True, kw_only=True):
    """Records by the part of a period that they are in."""

    period_ms: int
    timezone: str
    span_ms: int  # from the first record to the last
    slices: tuple[Slice | None, ...]  # one for each part, from Monday's begin on; None: it has no record
    calibrations: dict[str, Calibration]  # of each signal, of its values ranked in their parts


class VectorReference(msgspec.Struct, frozen=True, kw_only=True):
    """What the embeddings of a field are measured by; see operators/profiles/directions.py.

    ``feature.NAME.distance`` is measured from the center, along the directions, in standard deviations.
    """

    center: bytes  # a float of 64 bits for each of the numbers, little-endian, in the file as base64
    directions: bytes  # one after the other, each as many floats of 32 bits
    deviations: tuple[float, ...]  # standard deviation along each, the largest first
    vectors: int  # of the reference that these were found from; their own distances are not counted


class Relations(msgspec.Struct, frozen=True, kw_only=True):
    """What features have to do with each other: sums of products of their scores.

    Bytes are in the file as base64. Entries are pairs of columns of different features.
    """

    columns: dict[str, int]  # of each feature that varies, by its signal: numbers one, categories the most frequent
    sums: bytes  # over records of the reference, its earliest ones
    variances: bytes  # of each entry's Fisher z, of one record: floats of 32 bits, little-endian
    tau: bytes  # likewise how many records say as much as one independent one
    skews: bytes = b""  # likewise the skewness of what a record moves it by; none: not known, and taken for 0


class Baseline(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A measure of performance on labelled reference data."""

    value: float | None  # null: undefined
    error: float | None  # its standard error; null: not known
    count: int  # labels that it is of
    calibration: Calibration | None = None  # how the records that it is of follow each other; null: as `streams` do


class PerformanceReference(msgspec.Struct, frozen=True, kw_only=True):
    """What turned out of the reference's predictions.

    ``sums`` are the bytes of operators/metrics/outcome_sums.py, in the file as base64: of all, and by segment.
    ``streams`` say how errors are distributed, and how they follow each other: ``error`` (1 for a wrong class; the size
    of a number's error) and ``loss`` (log loss; a number's error with its sign).
    """

    source: str  # file name or topic, without directories
    trained: bool  # they are the profile's own data, on which the model may have been trained
    labels: int
    prediction: str  # hash of what was predicted, as the configuration had it
    measures: dict[str, Baseline]
    streams: dict[str, Signal]
    sums: bytes
    segments: dict[str, bytes]
    order: Literal["time", "file"] | None = None  # in which it was looked for how errors follow each other
    slices: dict[str, Slice] | msgspec.UnsetType = msgspec.UNSET  # of the streams by segment
    sliced: bytes | msgspec.UnsetType = msgspec.UNSET  # errors by value of features, see metrics/slice_cells.py


class LossTrees(msgspec.Struct, frozen=True, kw_only=True):
    """How large the error of a prediction is to be expected, from the codes of the record's features: boosted trees.

    The bytes are those of operators/estimation/loss_trees.py, in the file as base64.
    """

    features: tuple[str, ...]  # signals that are asked
    start: float  # what the leaves of a record are added to
    nodes: bytes
    roots: bytes  # of each tree the place of its first node


class Estimation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How good predictions were by bins of a score, in labelled records: what performance is estimated from.

    Score of a prediction: of two classes the probability of the positive one; of more the position of the predicted
    class, and behind the point the confidence in it; of a number the error to be expected by ``loss``.
    Arrays are floats of 32 bits, little-endian, in the file as base64: of each bin, first by all records, then by all
    but one of the groups in which they came, one group after the other; see operators/estimation/score_rates.py.
    """

    score: NumericSignal  # counts are of the labelled records
    rates: bytes  # share of positives; of more classes of right predictions; of numbers the mean error without sign
    squares: bytes = b""  # of numbers the mean squared error
    fourths: bytes = b""  # of numbers the mean of the errors' fourth powers, by all records alone
    predicted: bytes = b""  # of each class, of two the positive one, the share predicted so, by all records alone
    segments: dict[str, bytes] = {}  # records by bin of each segment that has enough, see leb128.py
    loss: LossTrees | None = None
    trained: bool = False  # they are the profile's own records, which the model may have been trained on


class Multivariate(msgspec.Struct, frozen=True, kw_only=True):
    """Along which directions features vary together: principal components of the columns of their `Relations`.

    ``multivariate.reconstruction`` is how far a record is from them, see operators/relations/reconstruction.py.
    """

    components: bytes  # one after the other, the largest first: a float of 64 bits for each column, as base64
    explained: float  # share of the variance that they have


class DomainSample(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the reference's records as codes of the features of its `Relations`: what is told from the stream's.

    Bytes are in the file as base64.
    """

    learned: int  # so many records, the first ones, are learned from; the others are for comparison
    codes: bytes  # record after record, a byte for each feature
    pairs: bytes  # two positions of features each, of 16 bits, little-endian: which ones are looked at together
    share: float  # of the records of their stretches that those for comparison are


class RecordSample(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the reference's records as codes of its signals: what slices of the stream are compared with."""

    signals: tuple[str, ...]
    codes: bytes  # record after record, a byte for each signal; in the file as base64
    share: float  # of the records of the stretch that it was taken from


class LabelDelays(msgspec.Struct, frozen=True, kw_only=True):
    """How labels of the reference came, span by span of its predictions, where both have times.

    ``delays`` has for each span how many labels came by bin of their delay, four bins an octave, the first up to one
    second; see operators/labels/facts.py.
    """

    start_ms: int  # of the first span
    slide_ms: int  # length of a span
    until_ms: int  # time of the newest label or prediction
    predictions: tuple[int, ...]
    delays: tuple[tuple[int, ...], ...]


class Provenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the reference came from."""

    source: str  # file name or topic, without directories
    rows: int
    start: str | None  # RFC 3339, event time of the first and last record; None without times
    end: str | None
    tidemark: str  # version that made the profile
    order: Literal["time", "file"] | None = None  # in which autocorrelation was looked for; None: it was not


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Reference of one model version.

    ``signals`` are keyed by signal name (``feature.age``, ``prediction``, ``confidence``), in plan order.
    ``segments`` maps a segment's name (``country``, ``country,device``) to its values, most frequent first,
    as canonical segment texts (``country=DE``). ``slices`` has, under the same names, what the records of those
    values look like; of the least frequent ones it may lack some. Profiles of releases before 0.2 have none.
    ``season`` is there if the configuration had one when the profile was made.
    """

    format: int = FORMAT
    model: str
    version: str | None
    provenance: Provenance
    signals: dict[str, Signal]
    segments: dict[str, tuple[tuple[str, int], ...]] = {}
    # Unset ones are not in the file, nor in its id.
    slices: dict[str, dict[str, Slice]] | msgspec.UnsetType = msgspec.UNSET
    texts: dict[str, TextReference] | msgspec.UnsetType = msgspec.UNSET  # by name of the field; unset: there are none
    season: Season | msgspec.UnsetType = msgspec.UNSET
    vectors: dict[str, VectorReference] | msgspec.UnsetType = msgspec.UNSET  # likewise
    # By quality signal (``quality.missing.age``); unset: the configuration said nothing about quality.
    quality: dict[str, Share] | msgspec.UnsetType = msgspec.UNSET
    fields: Fields | msgspec.UnsetType = msgspec.UNSET  # likewise; releases before 0.2 told none
    relations: Relations | msgspec.UnsetType = msgspec.UNSET  # unset: the configuration asked for none
    multivariate: Multivariate | msgspec.UnsetType = msgspec.UNSET  # likewise
    domain: DomainSample | msgspec.UnsetType = msgspec.UNSET  # likewise
    sample: RecordSample | msgspec.UnsetType = msgspec.UNSET  # likewise, for `slices`

    estimation: Estimation | msgspec.UnsetType = msgspec.UNSET  # unset: it was made without labels to estimate from

    performance: PerformanceReference | msgspec.UnsetType = msgspec.UNSET  # unset: no labels were given

    labels: LabelDelays | msgspec.UnsetType = msgspec.UNSET  # unset: none were given, or they had no times

    @property
    def id(self) -> str:
        """``sha256:`` and the hash of the content: equal profiles have equal ids."""
        return "sha256:" + hashlib.sha256(encode(self)).hexdigest()


def encode(profile: Profile) -> bytes:
    """The bytes of the profile file, the same for equal profiles."""
    return msgspec.json.format(msgspec.json.encode(profile), indent=1)


def decode(data: bytes) -> Profile:
    """Read a profile; raises msgspec.ValidationError with the path of the first misfit."""
    return msgspec.json.decode(data, type=Profile)


Level = Literal["negligible", "small", "medium", "large"]
