"""What is found before the first event, and what is said of each."""

from __future__ import annotations

import pytest

from consumers.listening import Listening
from schemas.errors import ConfigurationError, UsageError
from tests.consumers.actions.acting import TYPES, loaded
from tidemark.cli import main


def listening(folder, *actions):
    return Listening(loaded(folder, *actions), group=None, start="earliest", memory=folder / "m.db")


def test_a_rehearsal_calls_nobody_and_shows_no_secret(tmp_path):
    """One line for each call with an event of each type."""
    found = listening(
        tmp_path,
        "{on: [io.tidemark.drift.opened, io.tidemark.drift.resolved], models: fr*, "
        "http: 'http://x/{{ event.data.model }}/${TOKEN}'}",
        "{on: io.tidemark.retrain.requested, command: [sh, -c, 'echo ${TOKEN} {{ event.data.version }}']}",
        "{on: io.tidemark.retrain.requested, prefect: {url: 'http://p/api', deployment: f/d}}",
        "{on: io.tidemark.retrain.requested, http: 'http://y'}",
    ).rehearse()
    assert found == [
        ("http", "io.tidemark.drift.opened", "POST http://x/fraud/***"),
        ("http", "io.tidemark.drift.resolved", "POST http://x/fraud/***"),
        ("command", "io.tidemark.retrain.requested", "sh -c echo *** 3"),
        ("prefect", "io.tidemark.retrain.requested", "GET http://p/api/deployments/name/f/d"),
        ("prefect", "io.tidemark.retrain.requested", "POST http://p/api/deployments/DEPLOYMENT/create_flow_run"),
        ("http-2", "io.tidemark.retrain.requested", "POST http://y"),
    ]


def test_everything_that_cannot_be_done_is_said_at_once(tmp_path):
    """With the action and the type of event; a field that only some events have is no mistake."""
    with pytest.raises(ConfigurationError) as raised:
        listening(
            tmp_path,
            "{on: io.tidemark.drift.opened, http: 'http://x/{{ event.data.modle }}'}",
            "{on: [io.tidemark.drift.opened, io.tidemark.stream.silent], name: both, "
            "http: {url: 'http://x', body: {severity: '{{ event.data.severity }}'}}}",
            "{on: io.tidemark.drift.opened, command: 'nosuchprogram'}",
            "{on: io.tidemark.drift.opened, http: 'ftp://x'}",
            "{on: io.tidemark.drift.opened, http: {url: 'http://x', body: {why: '{{ event.data.why }}', "
            "runbook: '{{ event.data.info.runbook }}'}}}",
        ).rehearse()
    where = f"{tmp_path / 'c.yaml'}: actions"
    opened = "with an event of type io.tidemark.drift.opened"
    assert raised.value.problems == (
        f"{where}[0] (http): {opened}: template 'http://x/{{{{ event.data.modle }}}}': "
        "'dict object' has no attribute 'modle'",
        f"{where}[1] (both): with an event of type io.tidemark.stream.silent: "
        "template '{{ event.data.severity }}': 'dict object' has no attribute 'severity'",
        f"{where}[2] (command): {opened}: there is no program 'nosuchprogram'",
        f"{where}[3] (http-2): {opened}: the address is not http://HOST/... or https://HOST/...",
    )


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("http: {url: 'http://x', headers: {Authorization: Bearer abc}}",
         "http.headers: 'Authorization' is written out; secrets come from the environment or a file ('${NAME}')"),
        ("slack: 'https://hooks.slack.com/services/T/B/x'",
         "slack: is written out; secrets come from the environment or a file ('${NAME}', '${file:/path}')"),
        ("pagerduty: {routing_key: '${NONE}'}",
         "pagerduty.routing_key: environment variable 'NONE' is not set; set it or give a default ('${NONE:-...}')"),
        ("slack: {token: '${TOKEN}'}", "slack: has 'token' and no 'channel'"),
        ("slack: {text: x}", "slack: needs either 'url', an incoming webhook, or 'token' and 'channel'"),
        ("airflow: {url: 'http://x', dag: d}", "airflow: needs either 'username' and 'password' or 'token'"),
        ("prefect: {url: 'http://x', deployment: d, username: u}", "prefect: has 'username' and no 'password'"),
        ("http: 'http://x/{{ event.id'", "http: 'http://x/{{ event.id' is not a template (line 1: unexpected end of "
         "template, expected 'end of print statement'.)"),
        ("http: {url: 'http://x', body: {a: '{% for %}'}}",
         "http.body: '{% for %}' is not a template (line 1: Expected an expression, got 'end of statement block')"),
        ("http: {url: 'http://x', verb: GET}",
         "http.verb: 'verb' is not a key (body, headers, method, password, timeout, url, username)"),
    ],
)  # fmt: skip
def test_mistakes_are_found_when_the_file_is_read(action, said, tmp_path):
    """With their places; by every command, not at the first event."""
    with pytest.raises(ConfigurationError) as raised:
        loaded(tmp_path, f"{{on: [{TYPES}], {action}}}")
    [problem] = raised.value.problems
    assert problem.partition(": ")[2] == f"actions[0].{said}"


def test_nothing_that_holds_secrets_shows_them(tmp_path):
    """Printed by mistake, an action is what the file says."""
    configuration = loaded(tmp_path, "{on: io.tidemark.drift.opened, slack: 'http://x/${TOKEN}'}")
    assert "t0psecret" not in repr(configuration)
    assert "http://x/${TOKEN}" in repr(configuration)


def test_two_actions_with_one_name(tmp_path):
    """What one has handled, the other would not do."""
    action = "{on: io.tidemark.drift.opened, name: a, http: 'http://x'}"
    with pytest.raises(ConfigurationError, match=r"actions\[1\].name: 'a' is the name of another action as well"):
        loaded(tmp_path, action, action)


def test_a_configuration_that_cannot_be_listened_with(tmp_path):
    """Nothing to do, or no topic."""
    configuration = loaded(tmp_path, "{on: io.tidemark.drift.opened, http: 'http://x'}")
    text = (tmp_path / "c.yaml").read_text()
    (tmp_path / "c.yaml").write_text(text.replace("topic: drift-events", "path: e.jsonl"))
    from config.load import load

    with pytest.raises(UsageError) as raised:
        Listening(load(tmp_path / "c.yaml"), group=None, start="earliest", memory=tmp_path / "m.db")
    assert str(raised.value) == (
        f"{configuration.path}: events go to a file; actions and a store need a topic; 'tidemark watch' reads files"
    )
    (tmp_path / "c.yaml").write_text(text.partition("actions")[0])
    with pytest.raises(UsageError) as raised:
        Listening(load(tmp_path / "c.yaml"), group=None, start="earliest", memory=tmp_path / "m.db")
    assert (
        str(raised.value)
        == f"{configuration.path}: has neither 'actions' nor a 'store'; docs/retraining.md says what there is"
    )


def test_the_command_rehearses(tmp_path, capsys, monkeypatch):
    """For people and for programs; what is wrong ends it with status 2 before any broker is asked."""
    loaded(tmp_path, "{on: io.tidemark.drift.opened, http: 'http://x'}")
    assert main(["listen", str(tmp_path / "c.yaml"), "--dry-run"]) == 0
    assert capsys.readouterr().out == "http: io.tidemark.drift.opened: POST http://x\n"
    assert main(["listen", str(tmp_path / "c.yaml"), "--dry-run", "--json"]) == 0
    assert capsys.readouterr().out == '{"action":"http","type":"io.tidemark.drift.opened","call":"POST http://x"}\n'
    loaded(tmp_path, "{on: io.tidemark.drift.opened, http: 'http://x/{{ x }}'}")
    assert main(["listen", str(tmp_path / "c.yaml")]) == 2
    assert capsys.readouterr().err == (
        f"{tmp_path / 'c.yaml'}: actions[0] (http): with an event of type io.tidemark.drift.opened: "
        "template 'http://x/{{ x }}': 'x' is undefined\n"
    )
