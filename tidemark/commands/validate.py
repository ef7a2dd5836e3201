"""`tidemark validate`: is the configuration right, and what does it come to?"""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from config import load
from config.plan import ModelPlan, Plan
from schemas.errors import ProfileError
from schemas.profile import Profile
from tidemark.options import AsJson, Config


def validate(
    config: Config,
    replay: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Held-out reference data: counts episodes in them against the expected."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a configuration, and print what it comes to with all defaults.

    Everything that is wrong is listed, each with its line and column, and the exit status is 2. With --replay, records
    that are like the reference, but not of it, run through the monitors: every episode in them is a false one.

    Example: tidemark validate monitors.yaml --replay held-out.jsonl.gz
    """
    from tidemark.description import text

    loaded = load(config)
    plan, profiles, missing = _with_profiles(loaded.plan)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(loaded.plan), indent=2))
        return
    typer.echo(text(plan, profiles))
    for line in missing:
        typer.echo(f"\n{line}")
    if replay is not None:
        from jobs.replay import replay as run
        from tidemark.commands.backtest import from_data

        typer.echo("\nreplay")
        for replayed in run(from_data(loaded.plan, replay, "--replay")):
            typer.echo(f"  {replayed}")


def _with_profiles(plan: Plan) -> tuple[Plan, dict[str, dict[str, Profile]], list[str]]:
    """The plan with the features of the profiles that there are, those, and what to do about the others.

    A configuration is right without profiles; one that does not fit it is an error.
    """
    from operators.profiles.profile_files import find, load_references

    models: list[ModelPlan] = []
    found: dict[str, dict[str, Profile]] = {}
    missing: list[str] = []
    for model in plan.models:
        try:
            find(model)
        except ProfileError as error:
            missing.append(str(error))
            models.append(model)
            continue
        job = load_references(msgspec.structs.replace(plan, models=(model,)))
        models += job.plan.models
        found |= job.profiles
    return msgspec.structs.replace(plan, models=tuple(models)), found, missing
