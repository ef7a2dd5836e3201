import gzip
import time

import pytest
from confluent_kafka import Consumer, TopicPartition

from jobs.publishing import paced, to_file, to_topic
from schemas.errors import DataError

STREAM = [(1000 + i, b"record %d" % i) for i in range(2500)]


@pytest.mark.e2e
def test_topic(broker):
    """Every record arrives once, in order in its partition, under its own time even from 1970."""
    told = []
    assert to_topic(STREAM, broker.client, "stream", 3, told.append) == len(STREAM)
    assert sum(told) == len(STREAM)
    consumer = Consumer({**broker.client, "group.id": "test"})
    consumer.assign([TopicPartition("stream", partition, 0) for partition in range(3)])
    arrived = [(m.partition(), m.timestamp()[1], m.value()) for m in consumer.consume(len(STREAM), timeout=30)]
    consumer.close()
    for partition in range(3):
        assert [(t, value) for p, t, value in arrived if p == partition] == STREAM[partition::3]


def test_file(tmp_path):
    """A file holds a record a line, in folders that are made for it, and replaces one that was there."""
    path = tmp_path / "new" / "stream.jsonl"
    for _ in range(2):
        assert to_file(STREAM, path) == len(STREAM)
    assert path.read_bytes() == b"".join(record + b"\n" for _, record in STREAM)


def test_compressed_file(tmp_path):
    """A name that ends with .gz makes it compressed."""
    to_file(STREAM[:2], tmp_path / "stream.jsonl.gz")
    assert gzip.decompress((tmp_path / "stream.jsonl.gz").read_bytes()) == b"record 0\nrecord 1\n"


def test_unwritable(tmp_path):
    """A file that cannot be written is said in one line."""
    with pytest.raises(DataError) as error:
        to_file(STREAM, tmp_path)
    assert str(error.value) == f"{tmp_path}: cannot be written (Is a directory)"


def test_paced(monkeypatch):
    """A record of the future is given when its time has come, one of the past at once."""
    now = [1_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    stream = [(995_000, b"past"), (1_000_250, b"soon"), (1_000_250, b"too")]
    assert [(record, now[0]) for _, record in paced(stream)] == [
        (b"past", 1_000.0), (b"soon", 1_000.25), (b"too", 1_000.25)
    ]  # fmt: skip
