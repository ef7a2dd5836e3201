"""All commands, configurations and messages that the pages show: each is read by the program that it is for.

Some pages are run as well, command by command: quick-start.md (test_quick_start.py), elec2.md and bike.md
(tests/tidemark/test_examples.py), california.md (test_california.py), retraining.md's code (test_retraining.py).
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator

from config import load
from config.model import Settings
from schemas import export
from tidemark import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
STARTS = ("tidemark ", ".venv/bin/tidemark ", "make ", "pip install ", "python -m ", "docker compose ")
# Commands that are no programs of ours, and where they are run.
OTHERS = {
    "grep": "california.md: tests/tidemark/test_california.py reads the same rows",
    "python make_data.py": "quick-start.md: run by test_quick_start.py",
    "python produce.py": "quick-start.md: compiled there; it needs Kafka",
}


def blocks(page, *kinds):
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind in kinds]


def commands():
    """Page, command, and whether it stands alone on its line, so that it can be copied as it is."""
    for page in PAGES:
        for text in blocks(page, "sh", "bash", "console"):
            yield from ((page.name, line, True) for line in text.splitlines() if line.strip())
        for text in blocks(page, ""):
            told = (line for line in text.splitlines() if line.startswith(("$ tidemark ", "make ")))
            yield from ((page.name, line.removeprefix("$ "), True) for line in told)
        for code in re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text())):
            if code.startswith(STARTS):
                yield page.name, code, False


COMMANDS = sorted({(page, command.strip(), whole) for page, command, whole in commands()})
# COMMAND stands for any of them.
TIDEMARK = [each for each in COMMANDS if re.match(r"(\.venv/bin/)?tidemark (?!COMMAND)", each[1])]
REST = [(page, command) for page, command, _ in COMMANDS if not re.match(r"(\.venv/bin/)?tidemark ", command)]


@cache
def command_line(name):
    """As `tidemark NAME` has it."""
    return typer.main.get_command(cli._app(name))


@pytest.mark.parametrize(("page", "command", "whole"), TIDEMARK)
def test_tidemark_understands_it(page, command, whole):
    """Every argument and option, as the command line reads them; within a sentence arguments may be left out."""
    _, name, *words = shlex.split(command.partition(" > ")[0], comments=True)
    group = command_line(name)
    with group.make_context("tidemark", [name], resilient_parsing=True) as context:
        body = group.get_command(context, name)
        assert body is not None, f"{page}: there is no command {name}"
        try:
            body.make_context(name, words, parent=context)
        except Exception as problem:  # of typer's own copy of click, which has no public names
            if whole or type(problem).__name__ not in ("MissingParameter", "BadOptionUsage"):
                raise


@pytest.mark.parametrize(("page", "command"), REST)
def test_what_a_command_names_is_there(page, command):
    """Targets of make, extras of pip, modules and their options, files of compose; of others, where they are run."""
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif words[:2] == ["pip", "install"]:
        extra = re.fullmatch(r"tidemark\[(\w+)\]", words[2])
        assert f"\n{extra[1]} = [" in (ROOT / "pyproject.toml").read_text()
    elif words[:2] == ["python", "-m"]:
        source = Path(find_spec(words[2]).origin)
        text = "".join(file.read_text() for file in [source, *source.parent.glob("__main__.py")])
        assert [word for word in words if word.startswith("--") and f'"{word}"' not in text] == []
    elif words[:2] == ["docker", "compose"]:
        assert (ROOT / words[words.index("-f") + 1]).is_file()
    else:
        assert any(command.startswith(known) for known in OTHERS), f"{page}: is run by no test"


def whole_file(text):
    """A fragment with what it leaves out: what may be said of a model is about a model."""
    keys = yaml.load(text, yaml.BaseLoader).keys()
    if keys <= Settings.model_fields.keys():
        text = "models:\n  m:\n" + "".join(f"    {line}\n" for line in text.splitlines())
        text += "" if "features" in keys else "    features: {age: numeric}\n"
    return text + ("" if "sources" in keys else "\nsources: {predictions: {path: data.jsonl}}\n")


def configurations():
    """All but those of Flink itself, whose keys have dots."""
    for page in PAGES:
        yield from ((page.name, text) for text in blocks(page, "yaml") if not re.match(r"\w+\.\w+", text))


@pytest.mark.parametrize(("page", "text"), list(configurations()))
def test_every_configuration_is_one(page, text, tmp_path):
    """All of it, or a fragment, is right; nothing in it is unavailable."""
    (tmp_path / "monitors.yaml").write_text(whole_file(text))
    secrets = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "https://hunter2")
    loaded = load(tmp_path / "monitors.yaml", secrets)
    assert loaded.plan.models
    assert loaded.unavailable == ()


SCHEMAS = {name: Draft202012Validator(make()) for name, make in export.DOCUMENTS.items() if name != "asyncapi"}


def documents(text):
    """One, or one a line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(("page", "text"), [(page.name, text) for page in PAGES for text in blocks(page, "json")])
def test_every_message_keeps_to_its_schema(page, text):
    """Events to one of those of the topics; what comes in is a record, or a label."""
    for document in documents(text):
        names = ["events", "summaries", "control", "dead-letters"] if "specversion" in document else ["records"]
        names = ["labels"] if "label" in document else names
        assert any(SCHEMAS[name].is_valid(document) for name in names)


@pytest.mark.parametrize(("page", "text"), [(page.name, text) for page in PAGES for text in blocks(page, "python")])
def test_code_imports_what_there_is(page, text):
    """It compiles, and what it takes from Tidemark is there; pages that run are named above."""
    tree = ast.parse(text)
    ours = [node for node in tree.body if isinstance(node, ast.ImportFrom) and find_spec(node.module.split(".")[0])]
    exec(compile(ast.Module(ours, []), page, "exec"), {})
