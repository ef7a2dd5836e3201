"""Carrying: a key's state from one configuration to the next, part by part as their layouts tell.

What both have is taken over. Of a signal that is new no record so far has carried anything. What is not there any more
is left behind, and told to be over if it was open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ALL
from operators.detectors import adwin, page_hinkley
from operators.encoding import chunks
from operators.encoding.chunks import HEADER, PREFIX
from operators.encoding.codes import ABSENT, CODES
from operators.monitoring import raw_tracks
from operators.monitoring.layout import ADWIN, ALONE, PAGE_HINKLEY, Layout, hashes, unpack
from operators.monitoring.state import KeyState, Watch
from operators.monitoring.tracks import OPEN_FIELDS, Tracks
from operators.relations.carried import carried
from operators.relations.domain_classifier import DomainState
from operators.sketches import drawn, leb128, moments, octaves, share_octaves
from operators.sketches.seen import Seen
from operators.sketches.sketch import Slide, count

Codes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]
Places = list[int | None]  # of each part that is to be, the place of the one that there is; None: it is new


class Carrying:
    """From one layout to another, of the same frame; `whole`: of the whole traffic, whose ids are looked up."""

    def __init__(self, old: Layout, new: Layout, *, whole: bool = True) -> None:
        self._old, self._new, self._whole = old, new, whole
        self.meaning = old.meaning  # of chunks that `chunk` takes
        self.signals = _places(old.signals, new.signals)
        self._numeric = _placed(self.signals, old.numeric, new.numeric)
        self.tracks = _places(old.tracks, new.tracks)
        self._ranges = _places(old.ranges, new.ranges)
        self._related = _places(old.related, new.related)
        self._same_domain = old.domain == new.domain
        self._same_classes = old.by_class == new.by_class
        self._watched = _moves(old, new, self.signals, self._related)

    @classmethod
    def between(cls, old: bytes, new: Layout, segment: str = ALL) -> Carrying | None:
        """From a packed layout of a segment's key; None where no signal goes on."""
        if not old:
            return None  # a release before 0.2 made it
        found = cls(unpack(old), new, whole=segment == ALL)
        return found if found._old.frame == new.frame and any(at is not None for at in found.signals) else None

    def kept(self, named: Mapping[str, bytes]) -> set[str]:
        """Names of the parts that go on, of those with a hash."""
        known = {*hashes(self._old.signals), *hashes(self._old.beside)}
        return {name for name, one in named.items() if one in known}

    def keeps_pair(self, pair: int) -> bool:
        """Whether the products of a pair of features go on."""
        ends = list(combinations(self._related, 2))[pair]
        return None not in ends

    def slide(self, slide: Slide) -> Slide:
        """A slide's records, as if the new signals had not been there."""
        old, new = self._old, self._new
        signals = len(old.numeric)
        found = msgspec.structs.replace(
            slide,
            names={at: slide.names[was] for at, was in enumerate(self.signals) if was in slide.names},
            outside=self._outside(slide.outside),
            relations=carried(slide.relations, old.widths, self._related, new.widths),
            classified=slide.classified if self._same_domain else [],
            by_class=slide.by_class if self._same_classes else [],
        )
        found.drawn = drawn.recoded(slide.drawn, len(old.numeric), self._codes)
        if slide.sums:
            found.sums = self._sums(np.frombuffer(slide.sums, np.int64).reshape(-1, moments.FIELDS)).tobytes()
        if slide.form == "codes":
            codes = np.frombuffer(slide.data, np.uint8).reshape(slide.records, signals)
            found.data = self._codes(codes).tobytes()
        else:
            counts, rows = count([slide], signals), np.zeros((len(self.signals), CODES), np.int64)
            for at, was in enumerate(self.signals):
                if was is None:
                    rows[at, ABSENT] = slide.records
                else:
                    rows[at] = counts[was]
            found.data = leb128.pack(rows.reshape(-1))
        return found

    def chunk(self, chunk: bytes) -> bytes:
        """A chunk of records that were coded under the old configuration."""
        _, flags, signals, raw, numeric, records, end_ms, _ = HEADER.unpack_from(chunk)
        at = HEADER.size + 8 * moments.FIELDS * numeric
        size = PREFIX + signals + 8 * raw
        rows = np.frombuffer(chunk[at : at + records * size], np.uint8).reshape(records, size)
        sums = np.frombuffer(chunk[HEADER.size : at], np.int64).reshape(numeric, moments.FIELDS)
        values = np.full((records, len(self._new.raw)), np.nan)
        known = np.ascontiguousarray(rows[:, PREFIX + signals :]).view(np.float64)
        for column, position in enumerate(self._new.raw):
            was = self.signals[position]
            if was in self._old.raw:
                values[:, column] = known[:, self._old.raw.index(was)]
        codes = self._codes(rows[:, PREFIX : PREFIX + signals])
        data = np.concatenate([rows[:, :PREFIX], codes, values.view(np.uint8).reshape(records, -1)], axis=1)
        notes = chunks.notes_of(chunk[at + records * size :], flags)
        return chunks.encode(
            end_ms,
            self._new.meaning,
            codes.shape[1],
            values.shape[1],
            sum(self._new.numeric),
            records,
            self._sums(sums).tobytes(),
            data.tobytes(),
            {here: notes.names[was] for here, was in enumerate(self.signals) if was in notes.names},
            [0 if was is None else notes.outside[was] for was in self._ranges] if notes.outside else None,
        )

    def state(self, state: KeyState, tracks: Tracks, key: str) -> dict[int, Watch]:
        """Bring a key's state, but for what it is made for, to the new layout.

        Returns
        -------
        dict of int to Watch
            What was going on at signals that are not there any more, by their old positions.
        """
        old, new = self._old, self._new
        gone = {at: watch for at, watch in state.watches.items() if at not in self._watched}
        now = {was: at for at, was in enumerate(self.tracks) if was is not None}
        watches = {self._watched[at]: watch for at, watch in state.watches.items() if at in self._watched}
        for watch in watches.values():
            watch.held = [msgspec.structs.replace(one, track=now[one.track]) for one in watch.held if one.track in now]
        state.watches = dict(sorted(watches.items()))
        state.slide = None if state.slide is None else self.slide(state.slide)
        state.tracks = self._followed(state.tracks, tracks, key)
        rows = _places(old.streams, new.streams)
        state.octaves = _rows(state.octaves, rows, octaves.LENGTHS * octaves.FIELDS * 8)
        state.tau = _rows(state.tau, rows, octaves.LENGTHS)
        rows = _places(old.shares, new.shares)
        state.shares = _shares(state.shares, rows, len(hashes(old.shares)))
        state.share_tau = _rows(state.share_tau, rows, octaves.LENGTHS)
        state.still = {at: state.still[was] for at, was in enumerate(self.signals) if was in state.still}
        state.seen = state.seen if new.ids and old.ids else Seen()
        state.domain = state.domain if self._same_domain else DomainState()
        return gone

    def _codes(self, codes: Codes) -> Codes:
        found = np.full((len(codes), len(self.signals)), ABSENT, np.uint8)
        for at, was in enumerate(self.signals):
            if was is not None:
                found[:, at] = codes[:, was]
        return found

    def _sums(self, sums: Counts) -> Counts:
        found = moments.empty(len(self._numeric))
        for at, was in enumerate(self._numeric):
            if was is not None:
                found[at] = sums[was]
        return found

    def _outside(self, counts: Sequence[int]) -> list[int]:
        """Values out of their ranges, then ids that came again, of so many, where these are counted."""
        if not counts:
            return []
        ids = list(counts[len(hashes(self._old.ranges)) :])
        ranges = [0 if was is None else counts[was] for was in self._ranges]
        return [*ranges, *(ids or [0, 0])] if self._new.ids and self._whole else ranges

    def _followed(self, data: list[bytes], tracks: Tracks, key: str) -> list[bytes]:
        """The sequential detectors that are still there go on."""
        old, new = self._old, self._new
        found = tracks.start(key)
        banks = (
            (_bank(old.kinds, ADWIN), _bank(new.kinds, ADWIN)),
            (_bank(old.kinds, PAGE_HINKLEY), _bank(new.kinds, PAGE_HINKLEY)),
        )
        known = [adwin.unpack(data[0], len(banks[0][0])), page_hinkley.unpack(data[1], len(banks[1][0]))]
        for number, (before, after) in enumerate(banks):
            _copy(known[number], before, found[number], after, self.tracks)
        before, after = _bank(old.kinds, ALONE), _bank(new.kinds, ALONE)
        for at, number in enumerate(after):
            if (was := self.tracks[number]) is not None:
                found[2 + at] = raw_tracks.unpack(tracks.tracks[number], data[2 + before.index(was)], key)
        if old.blocks and new.blocks:
            left = np.frombuffer(data[-1]).reshape(-1, OPEN_FIELDS)
            _copy(left, [*banks[0][0], *banks[1][0]], found[-1], [*banks[0][1], *banks[1][1]], self.tracks)
        return tracks.pack(found)


def _copy(known: Any, before: Sequence[int], found: Any, after: Sequence[int], places: Places) -> None:
    """Rows of tracks ``before`` to those of the tracks ``after`` that they have become."""
    for row, number in enumerate(after):
        if places[number] in before:
            found[row] = known[before.index(places[number])]


def _bank(kinds: bytes, kind: int) -> list[int]:
    """Numbers of the tracks whose state is kept there, in their order."""
    return [number for number, one in enumerate(kinds) if one == kind]


def _places(old: bytes, new: bytes) -> Places:
    known = {one: at for at, one in enumerate(hashes(old))}
    return [known.get(one) for one in hashes(new)]


def _placed(places: Places, old: bytes, new: bytes) -> Places:
    """Places among those of a kind: of each that is to be, which of the old ones of the kind it is."""
    before = {position: at for at, position in enumerate(np.flatnonzero(np.frombuffer(old, np.uint8)).tolist())}
    after = np.flatnonzero(np.frombuffer(new, np.uint8)).tolist()
    return [before.get(places[position]) for position in after]


def _moves(old: Layout, new: Layout, signals: Places, related: Places) -> dict[int, int]:
    """New positions by old ones: signals, those beside, pairs of features, frozen ones, the classifier."""
    found: dict[int, int] = {}
    pairs = [list(combinations(range(len(one.widths)), 2)) if one.pairs else [] for one in (old, new)]
    known = {pair: at for at, pair in enumerate(pairs[0])}
    moved: Places = []
    for a, b in pairs[1]:
        one, other = related[a], related[b]
        moved.append(None if one is None or other is None else known.get((min(one, other), max(one, other))))
    families = (
        (signals, len(old.numeric)),
        (_places(old.beside, new.beside), len(hashes(old.beside))),
        (moved, len(pairs[0])),
        (_places(old.frozen, new.frozen), len(hashes(old.frozen))),
        (_places(old.domain, new.domain), len(hashes(old.domain))),
    )
    before = after = 0
    for places, many in families:
        found.update({before + was: after + at for at, was in enumerate(places) if was is not None})
        before, after = before + many, after + len(places)
    return found


def _rows(data: bytes, places: Places, size: int) -> bytes:
    """Rows of so many bytes, zeros for new ones; none where all of them are."""
    if not data:
        return b""
    found = b"".join(bytes(size) if was is None else data[was * size : (was + 1) * size] for was in places)
    return found if any(found) else b""


def _shares(data: bytes, places: Places, many: int) -> bytes:
    if not data or not places:
        return b""
    known, found = share_octaves.unpack(data, many), share_octaves.Shares(len(places))
    for at, was in enumerate(places):
        if was is not None:
            found.records[at], found.rows[at] = known.records[was], known.rows[was]
    return found.pack()
