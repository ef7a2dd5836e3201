"""The data of a request from topics."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from config.load import load
from jobs.topics import ensure_topic
from jobs.training.data import training_data
from schemas.cloudevents import timestamp
from schemas.retraining import Offsets, TrainOn
from tidemark.testing import retrain_event

pytestmark = pytest.mark.e2e

MINUTE_MS = 60_000


def test_a_request_is_read_by_its_offsets(broker, tmp_path):
    """Of each partition what it names, what the topic has deleted counted; labels from their topic."""
    predictions, labels = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("predictions", "labels"))
    for topic, count in ((predictions, 2), (labels, 1)):
        ensure_topic(broker.client, topic, count)
    producer = Producer(broker.client)
    for number in range(100):
        record = {
            "id": f"i{number}",
            "model": "churn",
            "version": "3",
            "features": {"age": number},
            "prediction": "yes",
        }
        label = {"id": f"i{number}", "model": "churn", "label": "no"}
        at_ms = number * MINUTE_MS
        producer.produce(predictions, msgspec.json.encode(record), partition=number % 2, timestamp=at_ms)
        producer.produce(labels, msgspec.json.encode(label), timestamp=at_ms + MINUTE_MS)
    producer.flush()
    admin = AdminClient(broker.client)
    [deleted] = admin.delete_records([TopicPartition(predictions, 1, 15)]).values()
    deleted.result()
    (tmp_path / "c.yaml").write_text(
        f"kafka: {{bootstrap: '{broker.bootstrap}'}}\n"
        f"sources: {{predictions: {{topic: {predictions}}}, labels: {{topic: {labels}}}}}\n"
        "models: {churn: {reference: {learn: 100}, prediction: {task: binary, positive: 'yes'}, "
        "features: {age: numeric}}}\n"
    )
    places = tuple(Offsets(topic=predictions, partition=number, start=10, end=40) for number in (0, 1))
    span = TrainOn(
        start=timestamp(20 * MINUTE_MS),
        end=timestamp(70 * MINUTE_MS),
        exclude=(),
        samples=50,
        labelled=50,
        offsets=places,
    )
    event = retrain_event(train_on=span, time=timestamp(60 * MINUTE_MS))
    made = training_data(load(tmp_path / "c.yaml"), event)
    assert made.places == [
        {
            "topic": predictions,
            "partitions": [
                {"partition": 0, "from": 10, "to": 40, "gone": 0},
                {"partition": 1, "from": 15, "to": 40, "gone": 5},
            ],
        }
    ]
    # 20 to 69, the even from partition 0, the odd from 31 on from partition 1; labels that came before minute 60.
    kept = [number for number in range(20, 59) if number % 2 == 0 or number >= 31]
    assert made.train["id"].to_pylist() + made.test["id"].to_pylist() == [f"i{number}" for number in kept]
    assert made.counts["unlabelled"] == 70 - 59
    assert made.counts["outside"] == 10
    assert made.counts["read"] == 55
