"""`tidemark validate`: is the configuration right, and what does it come to?"""

from __future__ import annotations

import msgspec
import typer

from config import load
from config.plan import Plan
from schemas.errors import ProfileError
from schemas.profile import Profile
from tidemark.options import AsJson, Config


def validate(config: Config, as_json: AsJson = False) -> None:
    """Check a configuration, and print what it comes to with all defaults.

    Everything that is wrong is listed, each with its line and column, and the exit status is 2.

    Example: tidemark validate monitors.yaml
    """
    from tidemark.description import text

    loaded = load(config)
    profiles, missing = _profiles(loaded.plan)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(loaded.plan), indent=2))
        return
    typer.echo(text(loaded.plan, profiles))
    for line in missing:
        typer.echo(f"\n{line}")


def _profiles(plan: Plan) -> tuple[dict[str, dict[str, Profile]], list[str]]:
    """The profiles that there are, and what to do about the others: a configuration is right without them."""
    from operators.profile_files import find

    found, missing = {}, []
    for model in plan.models:
        try:
            found[model.name] = find(model)
        except ProfileError as error:
            missing.append(str(error))
    return found, missing
