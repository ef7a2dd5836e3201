"""`tidemark listen`, killed at any moment: each request is acted on with its key, and none is lost."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer

from jobs.broker import Broker
from jobs.topics import ensure_topic
from schemas.events import encode
from tests.consumers.actions.server import Asked, serving
from tests.e2e.running import Live, tidemark
from tidemark.testing import retrain_event

pytestmark = pytest.mark.e2e

CONFIGURATION = """
kafka: {{bootstrap: "{bootstrap}"}}
sources: {{predictions: {{topic: predictions}}}}
sinks: {{events: {{topic: {topic}}}}}
models: {{churn: {{features: {{age: numeric}}}}}}
actions:
  - {{on: io.tidemark.retrain.requested, http: "{address}/hook"}}
  - {{on: io.tidemark.retrain.requested, command: ["{program}"], severity: critical}}
"""
PROGRAM = """#!/bin/sh
cat > /dev/null
echo "$TIDEMARK_IDEMPOTENCY_KEY" >> {done}
"""


def killed(folder: Path, broker: Broker, *, kills: int, requests: int) -> None:
    """Send requests while the listener is killed again and again; then let it come to its end."""
    topic = f"drift-events-{uuid.uuid4().hex[:8]}"
    ensure_topic(broker.client, topic, 2)
    done, program = folder / "done", folder / "program.sh"
    program.write_text(PROGRAM.format(done=done))
    program.chmod(0o755)
    chance = random.Random(kills)
    events = [retrain_event(request=f"{number}") for number in range(requests)]
    producer = Producer(broker.client)

    def flaky(_: Asked) -> int:
        """Some answers come late, some are faults, and some are never given: the listener is killed before."""
        time.sleep(chance.random() / 10)
        return chance.choice([200, 200, 200, 503])

    with serving(flaky) as server:
        text = CONFIGURATION.format(bootstrap=broker.bootstrap, topic=topic, address=server.address, program=program)
        (folder / "monitors.yaml").write_text(text)
        sent = 0
        for _ in range(kills):
            with Live(folder, "listen", "monitors.yaml") as listener:
                for event in events[sent : sent + requests // kills]:
                    producer.produce(topic, encode(event), key=b"churn")
                producer.flush()
                sent += requests // kills
                before = len(server.asked)
                # Half of the kills come while it acts, the others whenever: at start-up, joining, idle.
                if chance.random() < 0.5:
                    listener.wait_for(lambda before=before: len(server.asked) > before)
                time.sleep(chance.random())
        ended = tidemark(folder, "listen", "monitors.yaml", "--until-end", "--json")
        assert '"failed"' not in ended.out
        keys = Counter(asked.headers["idempotency-key"] for asked in server.asked)
    assert set(keys) == {event.id for event in events[:sent]}
    assert sent == requests
    ran = Counter(done.read_text().split())
    assert set(ran) == {event.id for event in events}
    # Only what was at hand at a kill is repeated, with the same key.
    assert sum(ran.values()) - len(ran) <= kills


def test_a_listener_that_is_killed(tmp_path: Path, broker: Broker) -> None:
    """Twice, in the middle."""
    killed(tmp_path, broker, kills=2, requests=10)
