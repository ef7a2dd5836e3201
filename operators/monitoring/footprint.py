"""Footprint: how many bytes of state a model will need at most, before any of it is there."""

from __future__ import annotations

from dataclasses import dataclass

from config.plan import DetectorPlan, ModelPlan
from operators.detectors import adwin, page_hinkley, river
from operators.encoding.codes import CODES
from operators.encoding.unnamed import MOST
from operators.monitoring.detection import Detection
from operators.monitoring.tracks import OPEN_FIELDS
from operators.profiles.duplicates import MOST as MOST_IDS
from operators.profiles.learning import blank
from operators.profiles.unprofiled import Unprofiled
from operators.relations.domain_classifier import SAMPLE
from operators.sketches import octaves
from operators.sketches.moments import FIELDS
from operators.sketches.sketch import most_slides
from schemas.errors import UsageError

LIMIT = 8 << 30  # bytes a model: state lives on the heap of the TaskManagers and is copied at each checkpoint
SHOWN_VALUES = 1_000_000  # in an ADWIN window when its size is estimated: it grows with the logarithm of that
PROFILE = 20_000  # bytes of a signal in a profile
RIVER_VALUES = 150  # shown to a detector of river when its size is estimated; a KSWIN takes a ms for each
NAME = 32  # bytes of a name that the reference has not, with its hash; of most
SUM = 4  # bytes of a sum of products of a slide of 30,000 records
LEARNED = 2 * 2 * 9 + 8  # bytes of a cell of a domain classifier: two learners with two numbers each
CELL = 2  # bytes of a count; 3 of one beyond 16,383


@dataclass(frozen=True)
class Footprint:
    """Bytes of a key's state in windows with many records, and the number of keys."""

    key: int
    keys: int
    whole: int = 0  # more, of the whole traffic of all versions: of relations between features, and of slices

    @property
    def total(self) -> int:
        """Bytes of the model's state, and of a checkpoint of it."""
        return self.key * self.keys + self.whole


def footprint(detection: Detection, versions: int) -> Footprint:
    """State of a model at most: with so many versions at a time, each with all its segments.

    Parameters
    ----------
    detection
        Of any of its versions.
    versions
        That have records at the same time.
    """
    signals, window = detection.signals, detection.signals.model.window
    cells = len(signals.names) * CODES
    slide = cells * CELL + len(signals.numeric) * FIELDS * 8 + len(signals.named) * MOST * NAME
    single, merged = most_slides(window.size_ms + window.previous_ms, window.slide_ms)
    slides = (single + 1 + merged) * slide + merged * cells * CELL  # counts of merged slides may be twice as wide
    buckets = adwin.MAX_BUCKETS * max(1, (SHOWN_VALUES // adwin.MAX_BUCKETS).bit_length())
    tracks = detection.tracks
    ranked = len(tracks.adwin.tracks) * 16 * buckets + len(tracks.page_hinkley.tracks) * 8 * page_hinkley.FIELDS
    ranked += 8 * OPEN_FIELDS * sum(block > 1 for block in tracks.blocks)
    ranked += (8 * octaves.FIELDS + 1) * octaves.LENGTHS * (detection.stream.streams + len(detection.followed))
    ranked += sum(_river_bytes(track.name, track.plan) for track in tracks.tracks if track.plan.is_river)
    related = 0 if detection.related is None else detection.related.size * SUM
    whole = versions * (single + 1 + merged) * related
    if detection.by_class is not None:
        whole += versions * (single + 1 + merged) * detection.by_class.cells * CELL
    if detection.domain is not None:
        whole += versions * (LEARNED * detection.domain.cells.size + SAMPLE * (8 + len(detection.domain.names)))
    if detection.drifts is not None:
        whole += versions * (single + 1 + merged) * detection.drifts.limit * (4 + len(signals.names))
    ids = 16 * MOST_IDS if detection.looks_up else 0
    return Footprint(slides + ranked + ids, versions * (1 + detection.segments), whole)


def _river_bytes(name: str, plan: DetectorPlan) -> int:
    """State of a detector of river after as many values as most of them keep, or the longest window it is given."""
    detector = river.start(plan, "")
    longest = max((option for option in plan.options.values() if isinstance(option, int)), default=0)
    river.update(detector, [0.0] * RIVER_VALUES, name)
    return len(river.pack(detector)) + 8 * longest


def learned_footprint(model: ModelPlan, records: int) -> Footprint:
    """State of a version at most that learns its reference from so many records, with all its segments."""
    unprofiled = Unprofiled(model)
    detection = Detection(blank(unprofiled))
    then = footprint(detection, 1)
    learning = records * 8 * (1 + len(unprofiled.numbers) + len(unprofiled.names))
    return Footprint(max(learning, then.key + PROFILE * len(detection.signals.names)), then.keys, then.whole)


def check(model: ModelPlan, found: Footprint) -> None:
    """Refuse what would not fit.

    Raises
    ------
    UsageError
        With what would make it smaller.
    """
    if found.total > LIMIT:
        message = (
            f"models.{model.name}: needs {text(found.total)} of state, {text(found.key)} for each of {found.keys} keys "
            f"(at most {text(LIMIT)}); list fewer segment values, or make 'window' of fewer slides"
        )
        raise UsageError(message)


def text(size: int) -> str:
    """A number of bytes as people say it.

    >>> text(900), text(264_000), text(8 << 30)
    ('900 B', '258 KB', '8 GB')
    """
    amount = float(size)
    for unit in ("B", "KB", "MB"):
        if amount < 1024:
            return f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:.3g} GB"
