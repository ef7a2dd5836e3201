"""Decode of files: block after block, each record at its own event time, late or not by the blocks before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from config.plan import SourcePlan
from operators.decode import Decoder
from operators.encoding.entries import Entry, Place
from operators.labels.incoming import LabelReading
from operators.profiles.references import JobReferences
from operators.reading.block_reader import BlockReader
from operators.reading.files import Block
from operators.reading.records import Reading

NEVER = -(2**63)  # the watermark before the first record


class FileDecoder:
    """Decodes the blocks of a file source in their order.

    A record is late if the records of earlier blocks have moved the watermark past the end of its pane. What is
    late depends on the data alone, as blocks always have the same rows.
    """

    def __init__(self, job: JobReferences, source: SourcePlan) -> None:
        self._source = source
        self._decoder = Decoder(job, source)
        self._reader = BlockReader(source, self._decoder.columns)
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
        reading = self._decoder.read(rows.records, rows.malformed)
        times_ms = self._times(block, reading)
        ends_ms = times_ms - times_ms % self._pane_ms + self._pane_ms
        late = ends_ms - 1 <= self.watermark(newest_ms)
        used = ~late
        used[list(reading.dead)] = False
        if used.any():
            newest_ms = max(newest_ms, int(times_ms[used].max()))
        place = Place(path=block.path, first_row=block.first_row, columns=self._reader.names)
        entries = self._decoder.finish(reading, times_ms, late, place)
        return sorted(entries, key=lambda entry: entry.pane_end_ms or 0), newest_ms

    def watermark(self, newest_ms: int) -> int:
        """The watermark that follows from the newest event time."""
        return newest_ms if newest_ms == NEVER else newest_ms - self._source.out_of_orderness_ms - 1

    def _times(self, block: Block, reading: Reading | LabelReading) -> npt.NDArray[np.int64]:
        time = self._source.time
        if time.kind == "every":
            rows = block.first_row + np.arange(block.rows, dtype=np.int64)
            return time.from_ms + rows * time.every_us // 1000
        return self._decoder.payload_times(reading)
