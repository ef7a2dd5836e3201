import json
import uuid

import pytest
from confluent_kafka import Producer

from jobs.topic_data import TopicData
from jobs.topics import ensure_topic
from schemas import profile as profiles
from schemas.errors import BrokerError
from tidemark import cli

pytestmark = pytest.mark.e2e


@pytest.fixture
def topic(broker):
    """Ten records in two partitions, times 1,000 to 10,000 ms, a tombstone last; and an aborted one."""
    name = f"archive-{uuid.uuid4().hex[:8]}"
    ensure_topic(broker.client, name, 2)
    producer = Producer(broker.client)
    for i in range(10):
        value = None if i == 9 else json.dumps({"model": "m", "features": {"x": i}}).encode()
        producer.produce(name, value, partition=i % 2, timestamp=1_000 * (i + 1))
    producer.flush()
    aborted = Producer({**broker.client, "transactional.id": uuid.uuid4().hex})
    aborted.init_transactions()
    aborted.begin_transaction()
    aborted.produce(name, b'{"model": "m", "features": {"x": 1000}}', partition=0, timestamp=5_000)
    aborted.flush()
    aborted.abort_transaction()
    return name


def times(data, **options):
    return sorted(time_ms for _, times_ms in data.pieces(**options) for time_ms in times_ms)


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_all_of_a_topic(broker, topic, size):
    """All committed records of all partitions come once, a tombstone as an empty record."""
    data = TopicData(broker.client, topic)
    records = [pair for values, times_ms in data.pieces(size) for pair in zip(times_ms, values, strict=True)]
    assert sorted(time_ms for time_ms, _ in records) == [1_000 * i for i in range(1, 11)]
    assert dict(records)[10_000] == b""
    assert json.loads(dict(records)[3_000])["features"] == {"x": 2}
    assert data.records >= 10


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "expected"),
    [
        (3_000, None, range(3, 11)),
        (2_500, 5_000, range(3, 5)),
        (None, 1_000, range(0)),
        (20_000, None, range(0)),
    ],
)
def test_a_span_of_a_topic(broker, topic, start_ms, end_ms, expected):
    """From a time on, and before another."""
    assert times(TopicData(broker.client, topic, start_ms, end_ms)) == [1_000 * i for i in expected]


def test_an_unknown_topic(broker):
    """A topic that is not there is named, and is not made by asking."""
    for _ in range(2):
        with pytest.raises(BrokerError) as error:
            TopicData(broker.client, "nothing-here")
        assert str(error.value).startswith(f"kafka {broker.bootstrap}: topic 'nothing-here' is not there (")


def test_a_profile_of_a_topic(broker, topic, tmp_path, monkeypatch, capsys):
    """`tidemark profile --data topic:NAME` makes the profile of what is in it, at the broker's times."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monitors.yaml").write_text(
        f"kafka: {{bootstrap: '{broker.bootstrap}'}}\n"
        f"sources: {{predictions: {{topic: {topic}}}}}\n"
        "models: {m: {reference: p.json, features: {x: numeric}}}\n"
    )
    words = ["--model", "m", "--data", f"topic:{topic}", "--from", "1970-01-01T00:00:02Z"]
    assert cli.main(["profile", "monitors.yaml", *words]) == 0
    made = profiles.decode((tmp_path / "p.json").read_bytes())
    x = made.signals["feature.x"]
    assert (x.count, x.min, x.max) == (8, 1.0, 8.0)
    assert (made.provenance.source, made.provenance.rows) == (topic, 8)
    assert (made.provenance.start, made.provenance.end) == ("1970-01-01T00:00:02.000Z", "1970-01-01T00:00:09.000Z")
    assert "expected a JSON object, got an empty line" in capsys.readouterr().err
    words[-1] = "yesterday"
    assert cli.main(["profile", "monitors.yaml", *words]) == 2
    assert capsys.readouterr().err.startswith("--from: 'yesterday' is not a time")
