"""Layout: what each part of a key's state is of, so that under another configuration what is unchanged goes on.

A part is told by a hash of all that its numbers mean: a signal by its bins in the profile, a sequential detector by the
signal and its options. Where a later configuration has a part with the same hash, its state is taken over, see
carrying.py; the other parts begin anew, alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from operators.profiles.references import FEATURE, SCORE, ModelSignals
from operators.quality.signals import ranged_features
from operators.relations.reconstruction import RECONSTRUCTION
from schemas.profile import NumericSignal

if TYPE_CHECKING:
    from operators.monitoring.detection import Detection

SIZE = 6  # bytes of a hash: of 1,000 parts against 1,000 others two are equal by chance once in 300 million
ADWIN, PAGE_HINKLEY, ALONE = range(3)  # where the state of a sequential detector is kept


class Layout(msgspec.Struct, array_like=True, frozen=True):
    """Of one key; hashes of parts in their order, SIZE bytes each."""

    meaning: int  # of chunks, `ModelSignals.meaning`
    frame: bytes  # what all parts depend on: the slide, the season, whether windows are compared with those before
    signals: bytes
    numeric: bytes  # of each signal 1 if it is a number and has sums
    raw: list[int]  # positions of signals whose raw values are in chunks
    tracks: bytes
    kinds: bytes  # of each track where its state is kept
    blocks: bool  # whether blocks are kept of tracks on ranks
    streams: bytes  # whose dependence the stream tells
    shares: bytes  # likewise of quality signals
    ranges: bytes  # whose values out of range are counted
    ids: bool  # whether ids that came again are, too
    beside: bytes  # signals that codes do not tell alone: quality, estimates
    related: bytes  # features whose products are summed
    widths: list[int]  # columns of each
    pairs: bool  # whether their pairs are signals
    frozen: bytes  # numbers that are watched for standing still
    domain: bytes  # the domain classifier; b"": there is none
    by_class: bytes = b""  # the features that are counted by class; b"": none are


_decoder = msgspec.msgpack.Decoder(Layout)
unpack = _decoder.decode


def hashes(data: bytes) -> list[bytes]:
    """The hashes of parts, one by one."""
    return [data[at : at + SIZE] for at in range(0, len(data), SIZE)]


class Parts:
    """What the state of a detection's keys consists of.

    Attributes
    ----------
    named : dict of str to bytes
        Hash of each part by the name that people know it by.
    layout : Layout
    packed : bytes
        The layout as it is kept.
    """

    def __init__(self, detection: Detection) -> None:
        own, model = detection.signals, detection.signals.model
        signals = _signals(own)
        banks = detection.tracks
        blocks = dict(zip([*banks.adwin.tracks, *banks.page_hinkley.tracks], banks.blocks, strict=True))
        tracks = [
            _hash(signals[t.signal], own.signals[t.signal], t.name, t.form, t.made_with, blocks.get(at))
            for at, t in enumerate(banks.tracks)
        ]
        alone, adwin = set(banks.alone), set(banks.adwin.tracks)
        kinds = [ALONE if at in alone else ADWIN if at in adwin else PAGE_HINKLEY for at in range(len(tracks))]
        limits = {at: model.features[at].range for at in ranged_features(model)}
        quality = {
            one.name: _hash(one.name, signals[one.position], limits.get(one.position) if one.what == "range" else None)
            for one in (() if detection.quality is None else detection.quality.signals)
        }
        estimates = {name: _hash(name, own.profile.estimation) for name in detection.estimated}
        related = (
            {}
            if detection.related is None
            else dict(zip(detection.related.positions.tolist(), detection.related.widths, strict=True))
        )
        products = {own.names[at]: _hash(signals[at], width) for at, width in related.items()}
        frozen = {one.name: _hash(one.name, signals[one.position]) for one in detection.frozen}
        domain = b"" if detection.domain is None else _hash(own.profile.domain, *(signals[at] for at in related))
        classes, by_class = detection.by_class, b""
        if classes is not None:
            by_class = _hash(classes.classes, *((name, part.names) for name, part in classes.parts.items()))
        self.layout = Layout(
            meaning=own.meaning,
            frame=_hash(model.window.slide_ms, bool(model.window.previous_ms), model.season),
            signals=b"".join(signals),
            numeric=bytes(isinstance(signal, NumericSignal) for signal in own.signals),
            raw=list(own.raw),
            tracks=b"".join(tracks),
            kinds=bytes(kinds),
            blocks=any(block > 1 for block in banks.blocks),
            streams=b"".join(_hash(signals[at], own.signals[at], form) for at, form in detection.stream.followed),
            shares=b"".join(_shares(detection, signals)),
            ranges=b"".join(_hash(signals[at], limit) for at, limit in limits.items()),
            ids=detection.looks_up,
            beside=b"".join([*quality.values(), *estimates.values()]),
            related=b"".join(products.values()),
            widths=list(related.values()),
            pairs=detection.relations is not None,
            frozen=b"".join(frozen.values()),
            domain=domain,
            by_class=by_class,
        )
        self.packed = msgspec.msgpack.encode(self.layout)
        self.named: dict[str, bytes] = {
            **dict(zip(own.names, signals, strict=True)),
            **{
                f"{track.name} on {own.names[track.signal]}": hash_
                for track, hash_ in zip(banks.tracks, tracks, strict=True)
            },
            **quality,
            **estimates,
            **{f"relations of {name}": hash_ for name, hash_ in products.items()},
            **frozen,
            **({"multivariate.classifier": domain} if domain else {}),
            **({"features by class": by_class} if by_class else {}),
        }


def id_of(detection: Detection) -> bytes:
    """Hash of what a key's state depends on: the profile, signals, sequential detectors and the slide.

    Where it is another one, layouts say which of it is.
    """
    about = [
        f"codes {detection.signals.meaning}",
        f"slide {detection.signals.model.window.slide_ms}",
        *(f"{track.signal} {track.name} {track.form}{track.made_with}" for track in detection.tracks.tracks),
        *(f"block {block}" for block in detection.tracks.blocks if block > 1),
        *(["previous"] if detection.signals.model.window.previous_ms else []),
        *(["season"] if detection.season else []),
        *([] if detection.signals.quality is None else [signal.name for signal in detection.signals.quality.signals]),
        *([] if detection.signals.related is None else ["relations", *map(str, detection.signals.related.widths)]),
        *([] if detection.signals.relations is None else ["pairs"]),
        *([] if detection.signals.domain is None else ["classifier"]),
        *([] if detection.by_class is None else ["by class", *detection.by_class.parts]),
        *(signal.name for signal in detection.frozen),
        *detection.estimated,
    ]
    return hashlib.blake2b("\0".join(about).encode(), digest_size=8).digest()


def _signals(own: ModelSignals) -> list[bytes]:
    """Of each signal what its codes and sums mean, and what made them from a record."""
    profile, features = own.profile, {FEATURE + feature.name: feature for feature in own.model.features}
    found = []
    for name, signal in zip(own.names, own.coded, strict=True):
        feature = features.get(name)
        about: list[object] = []
        if feature is not None:
            about = [feature.type, feature.of, feature.measure, feature.dim]
            for known in (profile.texts, profile.vectors):
                about.append(known.get(feature.field) if isinstance(known, Mapping) else None)
        elif name == SCORE:
            about = [profile.estimation]
        elif name == RECONSTRUCTION:
            about = [profile.multivariate, profile.relations]
        else:
            about = [own.model.prediction, own.model.proxies]
        found.append(_hash(name, msgspec.structs.replace(signal, calibration=None), *about))
    return found


def _shares(detection: Detection, signals: list[bytes]) -> Iterable[bytes]:
    quality = detection.quality
    for row in detection.followed.rows:
        assert quality is not None, "these are rows of it"
        one = quality.signals[row]
        yield _hash(one.name, signals[one.position], float(quality.known[row]), float(quality.of[row]))


def _hash(*about: object) -> bytes:
    said = [None if one is msgspec.UNSET else one for one in about]
    return hashlib.blake2b(msgspec.msgpack.encode(said), digest_size=SIZE).digest()
