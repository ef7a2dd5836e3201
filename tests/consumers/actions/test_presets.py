"""The presets, each against a server that keeps to the real protocol."""

from __future__ import annotations

import base64
import time

import msgspec
import pytest

from consumers.subscriber import Counts
from schemas.events import encode
from tests.consumers.actions.acting import act
from tests.consumers.actions.server import serving
from tidemark.testing import drift_event, retrain_event, stream_event

EVENT = retrain_event()
WIRE = msgspec.json.decode(encode(EVENT))
BASIC = "Basic " + base64.b64encode(b"me:t0psecret").decode()


def test_github_dispatches_to_a_repository(tmp_path):
    """204 without a body; the event goes in `client_payload` as one property."""
    with serving(204) as server:
        counts, _ = act(tmp_path, f"github: {{repository: o/r, token: '${{TOKEN}}', url: '{server.address}'}}", EVENT)
    assert counts == Counts(handled=1)
    [asked] = server.asked
    assert (asked.method, asked.path) == ("POST", "/repos/o/r/dispatches")
    assert asked.headers["authorization"] == "Bearer t0psecret"
    assert asked.headers["accept"] == "application/vnd.github+json"
    assert asked.headers["x-github-api-version"] == "2022-11-28"
    assert asked.json == {
        "event_type": "io.tidemark.retrain.requested",
        "client_payload": {"event": WIRE, "idempotency_key": EVENT.id},
    }


def test_github_waits_for_its_limit(tmp_path):
    """Which it tells with 403 and the second at which it begins anew; any other 403 is a refusal."""
    limit = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 90)}
    action = "github: {repository: o/r, token: '${TOKEN}', url: '%s'}"
    with serving((403, "rate limit", limit), 204) as server:
        counts, topic = act(tmp_path, action % server.address, EVENT)
    assert counts == Counts(handled=1)
    assert 85 <= topic.waits[0] <= 90
    with serving((403, "Resource not accessible", {})) as server:
        counts, topic = act(tmp_path, action % server.address, EVENT)
    assert (counts, topic.waits) == (Counts(dead=1), [])


def test_github_gets_no_more_than_it_takes(tmp_path):
    """An event with much evidence goes without it."""
    event = drift_event(info={"text": "x"})
    long = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, signals=400 * event.data.signals))
    with serving(204) as server:
        act(tmp_path, f"github: {{repository: o/r, token: '${{TOKEN}}', url: '{server.address}'}}", long)
    assert len(server.asked[0].body) < 65_535
    told = server.asked[0].json["client_payload"]["event"]["data"]
    assert "signals" not in told
    assert told["episode"] == event.data.episode


def test_jenkins_queues_a_build(tmp_path):
    """201 with the place in the queue; parameters as a form, one of them the event's id."""
    action = (
        "jenkins: {url: '%s/jenkins/', job: ml/retrain churn, username: me, token: '${TOKEN}', "
        "parameters: {MODEL: '{{ event.data.model }}'}}"
    )
    with serving((201, "", {"Location": "/queue/item/7/"})) as server:
        counts, _ = act(tmp_path, action % server.address, EVENT)
    assert counts == Counts(handled=1)
    [asked] = server.asked
    assert asked.path == "/jenkins/job/ml/job/retrain%20churn/buildWithParameters"
    assert asked.headers["authorization"] == BASIC
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.body == f"TIDEMARK_EVENT={EVENT.id}&MODEL=churn".encode()


def test_prefect_creates_a_flow_run(tmp_path):
    """A deployment by its name is looked up; the event's id is Prefect's idempotency key."""

    def server_of_prefect(asked):
        if asked.headers.get("authorization") != "Bearer t0psecret":
            return 401
        if asked.path == "/api/deployments/name/train/daily%20run":
            return 200, '{"id": "5a1e", "name": "daily run"}'
        return (201, '{"id": "f"}') if asked.path == "/api/deployments/5a1e/create_flow_run" else 404

    action = (
        "prefect: {url: '%s/api', deployment: '%s', api_key: '${TOKEN}', parameters: {m: '{{ event.data.model }}'}}"
    )
    for deployment in ("train/daily run", "5a1e"):
        with serving(server_of_prefect) as server:
            counts, _ = act(tmp_path, action % (server.address, deployment), EVENT)
        assert counts == Counts(handled=1)
        assert server.asked[-1].json == {"idempotency_key": EVENT.id, "parameters": {"m": "churn"}}
    with serving(server_of_prefect) as server:
        counts, topic = act(tmp_path, action % (server.address, "train/none"), EVENT)
    assert (counts, topic.waits) == (Counts(dead=1), [])


@pytest.mark.parametrize("status", [200, 409])
def test_airflow_3_triggers_a_dag(status, tmp_path):
    """A token for name and password first; 409 says that the run is there already."""

    def server_of_airflow(asked):
        if asked.path == "/auth/token":
            right = asked.json == {"username": "me", "password": "t0psecret"}
            return (201, '{"access_token": "jwt"}') if right else 401
        return status if asked.headers["authorization"] == "Bearer jwt" else 401

    action = (
        "airflow: {url: '%s', dag: retrain, username: me, password: '${TOKEN}', "
        "conf: {model: '{{ event.data.model }}'}}"
    )
    with serving(server_of_airflow) as server:
        counts, _ = act(tmp_path, action % server.address, EVENT)
    assert counts == Counts(handled=1)
    asked = server.asked[-1]
    assert asked.path == "/api/v2/dags/retrain/dagRuns"
    assert asked.json == {"dag_run_id": f"tidemark__{EVENT.id}", "logical_date": None, "conf": {"model": "churn"}}


def test_airflow_2_takes_name_and_password(tmp_path):
    """By its API v1."""
    with serving((200, "{}")) as server:
        action = f"airflow: {{url: '{server.address}', dag: d, username: me, password: '${{TOKEN}}', api: v1}}"
        counts, _ = act(tmp_path, action, EVENT)
    assert counts == Counts(handled=1)
    [asked] = server.asked
    assert (asked.path, asked.headers["authorization"]) == ("/api/v1/dags/d/dagRuns", BASIC)
    assert asked.json == {"dag_run_id": f"tidemark__{EVENT.id}", "conf": {"event": WIRE}}


def test_kubernetes_creates_a_job_once(tmp_path):
    """Its name is that of the event and of the action, so 409 says that it is there; the token is read anew."""
    jobs = {}

    def api_server(asked):
        if asked.headers["authorization"] != f"Bearer {token.read_text()}":
            return 401
        name = asked.json["metadata"]["name"]
        if name in jobs:
            return 409, '{"reason": "AlreadyExists"}'
        jobs[name] = asked
        return 201

    token = tmp_path / "token"
    action = (
        "kubernetes: {server: '%s', namespace: ml, token_file: '%s', name: 'Retrain_{{ event.data.model }}', "
        "job: {backoffLimit: 2, template: {spec: {restartPolicy: Never, containers: [{name: t, image: '%s', "
        "env: [{name: EVENT, value: '{{ payload | tojson }}'}]}]}}}}"
    )
    with serving(api_server) as server:
        for image in ("train:1", "train:1", "train:2"):
            token.write_text(f"token of {image} {len(jobs)}")
            counts, _ = act(tmp_path, action % (server.address, token, image), EVENT)
            assert counts == Counts(handled=1)
    assert len(server.asked) == 3
    first, second = jobs
    assert first[:-12] == second[:-12] == "retrain-churn-"
    asked = jobs[first]
    assert asked.path == "/apis/batch/v1/namespaces/ml/jobs"
    body = asked.json
    assert (body["apiVersion"], body["kind"], body["spec"]["backoffLimit"]) == ("batch/v1", "Job", 2)
    assert body["metadata"]["labels"] == {"tidemark.io/event": EVENT.id}
    [container] = body["spec"]["template"]["spec"]["containers"]
    assert msgspec.json.decode(container["env"][0]["value"]) == WIRE


def test_kubernetes_without_a_token(tmp_path):
    """Said with the file's name."""
    with serving(201) as server:
        action = f"kubernetes: {{server: '{server.address}', token_file: /none, job: {{template: {{}}}}}}"
        counts, topic = act(tmp_path, action, EVENT)
    assert counts == Counts(dead=1)
    assert topic.dead[0][1].error == "token file '/none' cannot be read (No such file or directory)"


EPISODES = [drift_event(what, kind=kind) for what in ("opened", "resolved") for kind in ("feature", "quality")]


def test_pagerduty_calls_once_an_incident(tmp_path):
    """Two episodes, one alert; it is resolved with the second of them."""
    with serving((202, '{"status":"success"}')) as server:
        action = f"pagerduty: {{routing_key: '${{TOKEN}}', url: '{server.address}/v2/enqueue'}}"
        counts, _ = act(tmp_path, action, *EPISODES)
    assert counts == Counts(handled=2, repeated=2)
    trigger, resolve = (asked.json for asked in server.asked)
    incident = EPISODES[0].data.incident
    assert resolve == {"routing_key": "t0psecret", "event_action": "resolve", "dedup_key": incident}
    payload = trigger.pop("payload")
    assert trigger == {"routing_key": "t0psecret", "event_action": "trigger", "dedup_key": incident}
    assert payload["severity"] == "critical"
    assert payload["summary"] == "feature.age moved up: PSI 0.41"
    assert payload["timestamp"] == EPISODES[0].time
    assert (payload["source"], payload["component"]) == ("tidemark/test/tidemark", "churn")
    assert "signals" not in payload["custom_details"]


def test_people_are_called_again_when_it_escalates(tmp_path):
    """Once for each way in which an incident gets worse, and not for what is told in between."""
    events = [
        drift_event("opened", severity="warning"),
        drift_event("updated", time="2026-01-05T10:10:00.000Z"),
        drift_event("updated", escalated="severity", time="2026-01-05T10:15:00.000Z"),
        drift_event("updated", kind="quality", escalated="severity", time="2026-01-05T10:20:00.000Z"),
        drift_event("updated", escalated="duration", time="2026-01-06T10:15:00.000Z"),
    ]
    with serving((202, '{"status":"success"}')) as server:
        action = f"pagerduty: {{routing_key: '${{TOKEN}}', url: '{server.address}/v2/enqueue'}}"
        counts, _ = act(tmp_path, action, *events)
    assert counts == Counts(handled=3, repeated=2)
    assert [asked.json["payload"]["timestamp"] for asked in server.asked] == [events[at].time for at in (0, 2, 4)]
    assert len({asked.json["dedup_key"] for asked in server.asked}) == 1


def test_slack_by_a_webhook(tmp_path):
    """Once an incident; another incident and another kind of event are messages of their own."""
    other = drift_event(incident="other", segment={"country": "<b>"}, severity="warning", info={"runbook": "https://r"})
    with serving((200, "ok")) as server:
        action = f"slack: '{server.address}/services/${{TOKEN}}'"
        counts, _ = act(tmp_path, action, *EPISODES[:2], other, stream_event())
    assert counts == Counts(handled=3, repeated=1)
    assert {asked.path for asked in server.asked} == {"/services/t0psecret"}
    assert [asked.json["text"] for asked in server.asked] == [
        "*critical: drift opened* churn/3/all: feature.age moved up: PSI 0.41",
        "*warning: drift opened* churn/3/country=&lt;b&gt;: feature.age moved up in country=&lt;b&gt;: PSI 0.41\nhttps://r",
        "*stream silent* churn: churn: no records for 10 min, the last at 2026-01-05T09:05:00.000Z",
    ]


@pytest.mark.parametrize(
    ("answers", "counts", "tries"),
    [
        (['{"ok":true}'], Counts(handled=1), 1),
        (['{"ok":false,"error":"internal_error"}', '{"ok":true}'], Counts(handled=1), 2),
        (['{"ok":false,"error":"channel_not_found"}'], Counts(dead=1), 1),
        (["<html>"], Counts(dead=1), 1),
    ],
    ids=["ok", "passing", "refused", "nonsense"],
)
def test_slack_by_a_bot(answers, counts, tries, tmp_path):
    """Slack says 200 to everything; what it means is in the body."""
    with serving(*((200, text) for text in answers)) as server:
        action = "slack: {token: '${TOKEN}', channel: '#ml', text: '{{ event.data.model }}!', api: '%s'}"
        assert act(tmp_path, action % server.address, EVENT)[0] == counts
    assert len(server.asked) == tries
    assert server.asked[0].path == "/chat.postMessage"
    assert server.asked[0].headers["authorization"] == "Bearer t0psecret"
    assert server.asked[0].json == {"channel": "#ml", "text": "churn!"}
