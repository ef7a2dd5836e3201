"""What the README shows can be copied."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import load
from tidemark import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
LINES = [line.partition("#")[0].strip() for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


def test_the_configuration_is_right(tmp_path: Path) -> None:
    """The twelve lines load, and nothing in them is unavailable."""
    [text] = [text for kind, text in BLOCKS if kind == "yaml"]
    (tmp_path / "monitors.yaml").write_text(text)
    loaded = load(tmp_path / "monitors.yaml")
    assert [model.name for model in loaded.plan.models] == ["churn"]
    assert loaded.unavailable == ()


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith(".venv/bin/tidemark")])
def test_every_command_and_option_exists(line: str) -> None:
    """Options of the commands shown are options of the commands."""
    _, command, *words = shlex.split(line)
    app = cli._app(command)
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    for word in words:
        if word.startswith("-"):
            assert word in shown.output


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("make ")])
def test_every_make_target_exists(line: str) -> None:
    """Targets shown are in the Makefile."""
    target = line.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "python"])
def test_python_imports_what_there_is(text: str) -> None:
    """The code compiles and its imports work."""
    compile(text, "README.md", "exec")
    exec("\n".join(line for line in text.splitlines() if line.startswith(("from ", "import "))), {})


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", PAGE))
def test_every_link_leads_somewhere(link: str) -> None:
    """Pages linked to are there."""
    assert (ROOT / link).exists()
