"""Decode as Flink sees it: a vectorised function over a batch of raw lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyflink.table import DataTypes
from pyflink.table.types import DataType
from pyflink.table.udf import ScalarFunction, udf

from jobs import versions
from jobs.metrics import Metrics
from operators.decode import Decoder
from operators.encoding.entries import Entry, Place
from operators.profiles.references import read_job

Times = npt.NDArray[np.int64]
LEAST_MS = -(2**63) + 1  # no time is before it


class DecodeRecords(ScalarFunction):  # type: ignore[misc]
    """Decodes the records of one Kafka source; see operators/decode.py."""

    def __init__(self, job: bytes, source: int, since_ms: int = LEAST_MS) -> None:
        self._job, self._index, self._since_ms = job, source, since_ms
        self._submitted = versions.here()
        self._decoder: Decoder | None = None

    def open(self, function_context: Any) -> None:
        """Make the decoder in the worker."""
        versions.check(self._submitted)
        job = read_job(self._job)
        self._source = job.plan.sources[self._index]
        self._pane_ms = job.plan.job.pane_ms
        self._decoder = Decoder(job, self._source)
        self._metrics = Metrics(function_context.get_metric_group())

    def eval(
        self,
        lines: pd.Series[Any],
        times: pd.Series[Any],
        watermarks: pd.Series[Any],
        partitions: pd.Series[Any],
        offsets: pd.Series[Any],
        broker_times: pd.Series[Any] | None = None,
    ) -> pd.DataFrame:
        """Keys and chunks, on the first record of each chunk; null elsewhere."""
        assert self._decoder is not None
        times_ms = _milliseconds(times)
        # No watermark yet (null, also after a restore) is the least of all times.
        late = is_late(times_ms, _milliseconds(watermarks), self._pane_ms, self._since_ms)
        place = Place(topic=self._source.topic, partitions=partitions.to_numpy(), offsets=offsets.to_numpy())
        broker_ms = None if broker_times is None else _milliseconds(broker_times)
        with self._metrics.timed("source", self._source.name, "decode_us"):
            entries = self._decoder.decode(lines.to_numpy(), times_ms, late, place, broker_ms)
        self._metrics.count("source", self._source.name, "batches")
        return columns(entries, len(lines))


def is_late(times_ms: Times, watermarks_ms: Times, pane_ms: int, since_ms: int = LEAST_MS) -> npt.NDArray[np.bool_]:
    """Which records are of panes that have ended, by the watermark or before a time.

    >>> is_late(np.array([5, 15, 25]), np.array([9, 9, 9]), 10), is_late(np.array([15, 25]), np.array([-1, -1]), 10, 20)
    (array([ True, False, False]), array([ True, False]))
    """
    late: npt.NDArray[np.bool_] = times_ms - times_ms % pane_ms + pane_ms - 1 <= np.maximum(watermarks_ms, since_ms - 1)
    return late


def columns(entries: list[Entry], rows: int) -> pd.DataFrame:
    """Two parallel arrays on the rows that entries stand on."""
    keys, chunks = np.full(rows, None, object), np.full(rows, None, object)
    for entry in entries:
        if keys[entry.row] is None:
            keys[entry.row], chunks[entry.row] = [], []
        keys[entry.row].append(entry.key)
        chunks[entry.row].append(entry.data)
    return pd.DataFrame({"keys": pd.Series(keys, dtype=object), "chunks": pd.Series(chunks, dtype=object)})


def decode_function(job: bytes, source: int, since_ms: int = LEAST_MS) -> Any:
    """The function to register for a source; panes that ended before a time are complete already."""
    return udf(DecodeRecords(job, source, since_ms), result_type=result_type(), func_type="pandas")


def result_type() -> DataType:
    """Two arrays: an array of rows is not possible from a vectorised function."""
    return DataTypes.ROW(
        [
            DataTypes.FIELD("keys", DataTypes.ARRAY(DataTypes.STRING())),
            DataTypes.FIELD("chunks", DataTypes.ARRAY(DataTypes.BYTES())),
        ]
    )


def _milliseconds(times: pd.Series[Any]) -> Any:
    # Not by pandas.to_datetime: it looks for repeated values, one by one, and takes as long as all of decoding.
    return times.array.as_unit("ms").asi8
