"""Systems behind the presets that are not well: each is asked the same again; what they say is told without secrets."""

from __future__ import annotations

import pytest

from consumers.subscriber import Counts
from tests.consumers.actions.acting import act
from tests.consumers.actions.server import serving, slow
from tidemark.testing import drift_event, retrain_event

REQUEST, EPISODE = retrain_event(), drift_event()
JOB = "{template: {spec: {restartPolicy: Never, containers: [{name: t, image: t}]}}}"
PRESETS = {
    "slack webhook": ("slack: {url: '%s/${TOKEN}'TIMEOUT}", EPISODE, (200, "ok")),
    "slack bot": ("slack: {token: '${TOKEN}', channel: c, api: '%s'TIMEOUT}", EPISODE, (200, '{"ok":true}')),
    "pagerduty": ("pagerduty: {routing_key: '${TOKEN}', url: '%s'TIMEOUT}", EPISODE, 202),
    "kubernetes": (f"kubernetes: {{server: '%s', token: '${{TOKEN}}', job: {JOB}TIMEOUT}}", REQUEST, 201),
    "airflow": ("airflow: {url: '%s', dag: d, username: me, password: '${TOKEN}', api: v1TIMEOUT}", REQUEST, 200),
    "prefect": ("prefect: {url: '%s', deployment: d, api_key: '${TOKEN}'TIMEOUT}", REQUEST, 201),
    "jenkins": ("jenkins: {url: '%s', job: j, username: me, token: '${TOKEN}'TIMEOUT}", REQUEST, 201),
    "github": ("github: {repository: o/r, token: '${TOKEN}', url: '%s'TIMEOUT}", REQUEST, 204),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_it_is_asked_again_until_it_is_well(preset, tmp_path):
    """An error, a limit that says when to come back, no answer in time: every time the same is asked."""
    action, event, well = PRESETS[preset]
    with serving(503, (429, "slow down", {"Retry-After": "42"}), slow(0.6), well) as server:
        action = action.replace("TIMEOUT", ", timeout: 300 ms") % server.address
        counts, topic = act(tmp_path, action, event)
    assert counts == Counts(handled=1)
    assert len(topic.waits) == 3
    assert 39 <= topic.waits[1] <= 42
    first, *others = [
        (asked.method, asked.path, asked.body, asked.headers.get("authorization")) for asked in server.asked
    ]
    assert others == [first] * 3


@pytest.mark.parametrize("preset", PRESETS)
def test_a_wrong_secret_is_told_without_it(preset, tmp_path):
    """It would be as wrong the next time, so it is a dead letter at once."""
    action, event, _ = PRESETS[preset]
    with serving((401, "t0psecret is not known")) as server:
        counts, topic = act(tmp_path, action.replace("TIMEOUT", "") % server.address, event)
    assert (counts, len(server.asked), topic.waits) == (Counts(dead=1), 1, [])
    assert "HTTP 401: *** is not known" in topic.dead[0][1].error
    assert "t0psecret" not in topic.dead[0][1].error
