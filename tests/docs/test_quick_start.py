"""docs/quick-start.md: its commands, run one after the other, print what the page says; and what others say of them."""

from __future__ import annotations

import io
import os
import re
import runpy
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from config import load
from tidemark import cli

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", (DOCS / "quick-start.md").read_text(), re.DOTALL)
TUNING = (DOCS / "tuning-the-budget.md").read_text()
QUESTIONS = (DOCS / "faq.md").read_text()
WITH_KAFKA = ("broker", "run", "watch")  # what they do is in tests/e2e; that they can be said, in test_commands.py


def said(words):
    """What a command prints; it has to end well."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert cli.main(words) == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Programs and commands in the order of the page; each line of output on it is printed."""
    folder, before = tmp_path_factory.mktemp("quick-start"), Path.cwd()
    os.chdir(folder)
    try:
        make, produce = (text for kind, text in BLOCKS if kind == "python")
        Path("make_data.py").write_text(make)
        compile(produce, "produce.py", "exec")
        printed = ""
        for kind, text in BLOCKS:
            if kind == "":
                assert [line for line in text.splitlines() if line not in printed.splitlines()] == [], printed
            for line in text.splitlines() if kind == "sh" else ():
                command, *words = shlex.split(line)
                if words[0] == "make_data.py":
                    runpy.run_path("make_data.py")
                elif command == "tidemark" and words[0] not in WITH_KAFKA:
                    printed = said(words)
                else:
                    assert words[0] in ("produce.py", *WITH_KAFKA)
    finally:
        os.chdir(before)
    return folder


def validated(folder, setting):
    """What `validate` says of the page's configuration with one more setting of the model."""
    text = (folder / "monitors.yaml").read_text().replace("    quality:", f"    {setting}\n    quality:")
    (folder / "tuned.yaml").write_text(text)
    return said(["validate", str(folder / "tuned.yaml")])


def test_the_configurations_are_those_of_the_page(folder):
    """`init` writes the first, and the one with a topic watches the same."""
    written, stream = (text for kind, text in BLOCKS if kind == "yaml")
    assert (folder / "monitors.yaml").read_text() == written
    (folder / "stream.yaml").write_text(stream)
    [topic] = load(folder / "stream.yaml").plan.models
    [file] = load(folder / "monitors.yaml").plan.models
    assert (topic.features, topic.alarms, topic.window) == (file.features, file.alarms, file.window)


@pytest.mark.parametrize(("setting", "psi", "shift"), re.findall(r"\| `(.*?)` \| ([\d.]+) \| ([\d.]+) sd \|", TUNING))
def test_the_table_of_tuning_is_right(folder, setting, psi, shift):
    """Each line is what `validate` says with that setting."""
    printed = validated(folder, setting)
    assert f" psi {psi}, ks " in printed
    assert f" shift of {shift} sd, " in printed


def test_lines_of_tuning_are_those_of_validate(folder):
    """The two lines to look at."""
    [lines] = re.findall(r"```\n(.*?)```", TUNING, re.DOTALL)
    assert lines in said(["validate", str(folder / "monitors.yaml")])


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("window: {size: 5 min, slide: 5 min, grow_to: 5 min}", "windows grow to 5 min"),
        ("segments: [plan]", "of their 4 signals are compared with their own reference"),
    ],
)
def test_questions_quote_what_validate_says(folder, setting, told):
    """The texts that people will search for."""
    [quoted] = [text for text in re.findall(r"\*\*`(.*?)`\.\*\*", QUESTIONS) if told in text]
    assert quoted in validated(folder, setting)


@pytest.mark.parametrize("quoted", re.findall(r"\*\*`(.*?)`", QUESTIONS))
def test_questions_quote_what_the_program_says(quoted):
    """Each message that a question is about is in the source, but for its numbers and names."""
    source = "".join(
        file.read_text()
        for room in ("config", "schemas", "operators", "jobs", "tidemark")
        for file in (DOCS.parent / room).rglob("*.py")
    )
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    parts = [part.strip(" ,;:().") for part in re.split(r"\d[\d.]*(?: min)?|^\w+ (?=cannot)", quoted)]
    assert [part for part in parts if part not in source] == []
