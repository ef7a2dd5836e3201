"""Decode of files: block after block, each record at its own event time, late or not by the blocks before it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.plan import SourcePlan
from operators.block_reader import BlockReader
from operators.decode import Decoder, Entry, Place
from operators.files import Block
from operators.references import JobReferences
from operators.values import Gap, event_time

NEVER = -(2**63)  # the watermark before the first record


class FileDecoder:
    """Decodes the blocks of a file source in their order.

    A record is late if the records of earlier blocks have moved the watermark past the end of its pane. What is
    late depends on the data alone, as blocks always have the same rows.
    """

    def __init__(self, job: JobReferences, source: SourcePlan) -> None:
        self._source = source
        self._decoder = Decoder(job, source)
        self._reader = BlockReader(source)
        self._pane_ms = job.plan.job.pane_ms

    def decode(self, block: Block, newest_ms: int) -> tuple[list[Entry], int]:
        """Read and decode a block.

        Parameters
        ----------
        block
            Of `files.list_blocks`.
        newest_ms
            Newest event time of the blocks before; NEVER before the first.

        Returns
        -------
        entries : list of Entry
            Chunks in the order of their panes.
        newest_ms : int
            With this block.
        """
        rows = self._reader.read(block)
        nobody = np.zeros(block.rows, np.bool_)
        lines: list[bytes | None]
        if isinstance(rows.records, pa.Table):
            documents = rows.records.to_pylist()
            lines = [msgspec.json.encode(document) for document in documents]
            for row, _, data in rows.malformed:
                lines[row] = data
            records, dead = self._decoder.read_table(documents, {row: error for row, error, _ in rows.malformed})
        else:
            lines = list(rows.records)
            records, dead = self._decoder.read(lines, nobody)
        times_ms = self._times(block, records, dead, newest_ms)
        watermark_ms = self.watermark(newest_ms)
        late = times_ms - times_ms % self._pane_ms + self._pane_ms - 1 <= watermark_ms
        for row in dead:
            records[row], late[row] = None, False
        for row in np.flatnonzero(late).tolist():
            records[row] = None
        used = np.array([record is not None for record in records], np.bool_)
        if used.any():
            newest_ms = max(newest_ms, int(times_ms[used].max()))
        place = Place(path=block.path, first_row=block.first_row)
        entries = self._decoder.finish(records, dead, times_ms, late, place, lines)
        return sorted(entries, key=lambda entry: entry.pane_end_ms or 0), newest_ms

    def watermark(self, newest_ms: int) -> int:
        """The watermark that follows from the newest event time."""
        return newest_ms if newest_ms == NEVER else newest_ms - self._source.out_of_orderness_ms - 1

    def _times(self, block: Block, records: list[Any], dead: dict[int, str], newest_ms: int) -> npt.NDArray[np.int64]:
        time = self._source.time
        if time.kind == "every":
            rows = block.first_row + np.arange(block.rows, dtype=np.int64)
            return time.from_ms + rows * time.every_us // 1000
        times_ms = np.full(block.rows, max(newest_ms, 0), np.int64)
        texts = self._source.format == "csv"
        for row, record in enumerate(records):
            if record is None:
                continue
            time_ms = event_time(record.timestamp, texts=texts)
            if isinstance(time_ms, Gap):
                what = "is missing" if time_ms is Gap.MISSING else "is not a time"
                dead[row] = f"{self._source.fields.timestamp}: {what} (RFC 3339 text or a number)"
            else:
                times_ms[row] = time_ms
        return times_ms
