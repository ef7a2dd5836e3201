"""The image's files against what they speak of: commands, options, metrics, Flink's own settings."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyflink
import pytest
import typer
import yaml

from config import load
from tests.debian import installed
from tidemark.cli import COMMANDS as PLACES

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
OURS = {name: s for name, s in COMPOSE["services"].items() if s["image"].startswith("tidemark:")}
COMMANDS = {name: shlex.split(s["command"]) for name, s in OURS.items() if "entrypoint" not in s}
ROLES = ("jobmanager", "taskmanager")


@pytest.mark.parametrize("service", sorted(set(COMMANDS) - set(ROLES)))
def test_commands_are_ours(service: str) -> None:
    """Each service that is no part of the Flink cluster is a command with options that it has."""
    name, *arguments = COMMANDS[service]
    module, function = PLACES[name].split(":")
    app = typer.Typer(add_completion=False)
    app.command()(getattr(importlib.import_module(module), function))
    assert typer.main.get_command(app).make_context(name, arguments).params  # wrong options raise


def test_the_report_is_a_command_of_ours() -> None:
    """That leaves standard output to the page."""
    shell, _, line = OURS["report"]["entrypoint"]
    words = shlex.split(line.split(" >&2 && ")[0])
    assert (shell, words[:2]) == ("bash", ["tidemark", "report"])
    app = typer.Typer(add_completion=False)
    module, function = PLACES["report"].split(":")
    app.command()(getattr(importlib.import_module(module), function))
    assert typer.main.get_command(app).make_context("report", words[2:]).params


def test_pages_are_for_this_machine() -> None:
    """Every port is published on loopback; what is served by the container is where the port leads."""
    ports = {name: s.get("ports", []) for name, s in COMPOSE["services"].items()}
    assert all(port.startswith("127.0.0.1:") for many in ports.values() for port in many)
    assert ports["dashboard"] == ["127.0.0.1:8050:8050"]
    assert COMMANDS["dashboard"][-2:] == ["--host", "0.0.0.0"]


def test_the_configuration_is_right() -> None:
    """What compose monitors passes the checks, and the file is where its services look for it."""
    loaded = load(DOCKER / "monitors.yaml")
    assert not loaded.unavailable
    assert loaded.kafka is not None
    assert str(loaded.kafka.client_settings()["bootstrap.servers"]) == "kafka:9092"
    for service in OURS.values():
        assert "./monitors.yaml:/var/lib/tidemark/monitors.yaml:ro" in service["volumes"]


def test_flink_gets_the_options_that_it_needs() -> None:
    """Those of the Flink that is installed: it does not start with fewer."""
    home = Path(pyflink.__file__).parent
    theirs = yaml.safe_load((home / "conf" / "config.yaml").read_text())["env"]["java"]["opts"]["all"]
    ours = yaml.safe_load((DOCKER / "config.yaml").read_text())["env"]["java"]["opts"]["all"]
    assert ours.split() == theirs.split()


def scraped() -> dict[str, set[str]]:
    """Labels by metric, as a cluster told them of a job with two models, labels, dead and late records."""
    lines = (DOCKER.parent / "tests/data/metrics.txt").read_text().splitlines()
    return {line.split("{")[0]: {*re.findall(r'(\w+)="', line)} for line in lines}


def expressions() -> Iterator[str]:
    """All that alerts and pictures ask Prometheus for."""
    rules = yaml.safe_load((DOCKER / "alerts.yaml").read_text())["groups"][0]["rules"]
    yield from (rule["expr"] for rule in rules)
    panels = json.loads((DOCKER / "grafana/tidemark.json").read_text())["panels"]
    yield from (target["expr"] for panel in panels for target in panel["targets"])


@pytest.mark.parametrize("expression", list(expressions()))
def test_metrics_are_those_that_are_told(expression: str) -> None:
    """Each metric of it, and each label by which it is grouped or joined."""
    told = scraped()
    names = re.findall(r"flink_\w+", expression)
    assert [name for name in names if name not in told] == []
    grouped = {
        label for part in re.findall(r"(?:by|on|group_left) \(([^)]*)\)", expression) for label in part.split(", ")
    }
    assert grouped <= set().union(*(told[name] for name in names))


def test_each_metric_is_in_the_documentation() -> None:
    """All that the operators were seen to tell has its line in the table."""
    page = (DOCKER.parent / "docs/operations.md").read_text()
    told = {name.partition("_tidemark_")[2] for name in scraped() if "_tidemark_" in name}
    assert told - {*re.findall(r"`((?:source|model)_\w+)`", page)} == set()


def test_alerts_fire_when_they_should() -> None:
    """And not when they should not; Prometheus's own tool runs its own kind of tests."""
    promtool = installed("promtool", lambda: shutil.which("promtool"), "prometheus")
    subprocess.run([promtool, "test", "rules", Path(__file__).with_name("alerts.yaml")], check=True)
    subprocess.run([promtool, "check", "config", "prometheus.yaml"], check=True, cwd=DOCKER)


def test_the_entrypoint_is_a_shell_script() -> None:
    """That bash can read."""
    subprocess.run(["bash", "-n", DOCKER / "entrypoint.sh"], check=True)
