"""The image's files against what they speak of: commands, options, metrics, Flink's own settings."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
from pathlib import Path

import pyflink
import pytest
import typer
import yaml

from config import load
from operators.encoding.entries import Counts
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


@pytest.mark.parametrize("file", ["alerts.yaml", "grafana/tidemark.json"])
def test_metrics_are_those_that_are_counted(file: str) -> None:
    """By source what becomes of records, by model what the operators count or set."""
    text = (DOCKER / file).read_text()
    functions = (Path(__file__).parents[2] / "jobs" / "functions.py").read_text()
    for by, what in re.findall(r"_tidemark_(source|model)_(\w+)", text):
        if by == "source":
            assert what in Counts.__struct_fields__
        elif what not in ("drift_opened", "labels_matched"):
            assert f'"{what}"' in functions


def test_the_entrypoint_is_a_shell_script() -> None:
    """That bash can read."""
    subprocess.run(["bash", "-n", DOCKER / "entrypoint.sh"], check=True)
