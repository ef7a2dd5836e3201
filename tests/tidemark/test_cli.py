import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tidemark import cli

COMMANDS = {
    "good": "commands_here.good:good",
    "needs_flink": "commands_here.needs_flink:needs_flink",
    "wrong": "commands_here.wrong:wrong",
    "faulty": "commands_here.faulty:faulty",
    "later": "commands_here.later:later",
}
MODULES = {
    "good": (
        'def good(name: str) -> None:\n    """Say it.\n\n    Example:\n      tidemark good day\n    """\n'
        "    print(name)\n"
    ),
    "needs_flink": 'def needs_flink() -> None:\n    """Need Flink."""\nimport pyflink_is_not_here\n',
    "wrong": (
        "from schemas.errors import ConfigurationError\n"
        'def wrong() -> None:\n    """Refuse."""\n    raise ConfigurationError(["a.yaml:1:1: x", "a.yaml:2:1: y"])\n'
    ),
    "faulty": 'def faulty() -> None:\n    """Break."""\n    raise KeyError("x")\n',
}
HELP = """\
Usage: tidemark [OPTIONS] COMMAND [ARGS]...

  Watch the predictions and features of models in a stream and tell when they
  have really changed.

Options:
  --version  Show the version and exit.
  --debug    Show the traceback of an error; may stand anywhere.
  --help     Show this message and exit.

Commands:
  good         Say it.
  needs_flink  Need Flink.
  wrong        Refuse.
  faulty       Break.
"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of five commands, of which four have their module."""
    package = tmp_path / "commands_here"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, source in MODULES.items():
        (package / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cli, "COMMANDS", COMMANDS)
    monkeypatch.setitem(cli.EXTRAS, "pyflink_is_not_here", ("Flink", "flink"))
    for module in [name for name in sys.modules if name.startswith("commands_here")]:
        monkeypatch.delitem(sys.modules, module)


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_lists_the_commands_that_exist_without_importing_them(words, capsys):
    """`tidemark` and `tidemark --help` show one line a command, also for those that need what is not installed."""
    assert cli.main(words) == 0
    assert capsys.readouterr() == (HELP, "")


@pytest.mark.usefixtures("commands")
def test_an_example_keeps_its_lines(capsys):
    """The help of a command is its docstring, the example not wrapped into the text."""
    assert cli.main(["good", "--help"]) == 0
    assert "  Say it.\n\n  Example:\n    tidemark good day\n" in capsys.readouterr().out


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("words", "status", "out", "err"),
    [
        (["good", "day"], 0, "day\n", ""),
        (["wrong"], 2, "", "a.yaml:1:1: x\na.yaml:2:1: y\n"),
        (["faulty"], 1, "", "tidemark faulty: KeyError: 'x'; this is a fault in tidemark, --debug shows where\n"),
        (
            ["needs_flink"],
            1,
            "",
            "tidemark needs_flink needs Flink, which is not installed; pip install 'tidemark[flink]'\n",
        ),
    ],
)
def test_status_and_message(words, status, out, err, capsys):
    """Each way to end has its exit status and its whole message, and never a traceback."""
    assert cli.main(words) == status
    assert capsys.readouterr() == (out, err)


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("words", [["later"], ["unheard"], ["good"], ["good", "a", "b"], ["--unheard"]])
def test_wrong_usage_is_status_2(words, capsys):
    """Unknown commands and options, missing and surplus arguments are usage errors."""
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage: tidemark")


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("words", [["--debug", "wrong"], ["wrong", "--debug"]])
def test_debug_shows_the_traceback_from_anywhere(words, capsys):
    """`--debug` may stand before or after the command."""
    assert cli.main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("\na.yaml:1:1: x\na.yaml:2:1: y\n")


def test_version(capsys):
    """`tidemark --version` names the release."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr() == ("tidemark 0.1.0\n", "")


def test_table_names_functions_by_their_command():
    """Every command lives in the module and function of its name."""
    assert {name: f"tidemark.commands.{name}:{name}" for name in cli.COMMANDS} == cli.COMMANDS


@pytest.mark.parametrize("name", [name for name, place in cli.COMMANDS.items() if find_spec(place.split(":")[0])])
def test_every_command_has_help_with_an_example(name, capsys):
    """The example begins with the command as it would be typed."""
    assert cli.main([name, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(rf"Examples?:\s+tidemark {name}\b", out)
