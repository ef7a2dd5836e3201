"""Load a configuration: read, include, put in, lay over, check, compile."""

from __future__ import annotations

import os
from collections.abc import Mapping as Environment
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from config.actions import Action
from config.checks import problems_between
from config.compile import compiled
from config.errors import Problem, configuration_error, problems_of
from config.interpolate import interpolate
from config.layers import included, layered
from config.models import File
from config.plan import Plan
from config.read import read
from config.security import KafkaConnection
from config.store import StoreAddress
from config.texts import Mapping, Mark, Sequence


@dataclass(frozen=True)
class Configuration:
    """A configuration that is right.

    Attributes
    ----------
    path : Path
        The file.
    directory : Path
        Its folder, absolute; names of files in the configuration are relative to it.
    plan : Plan
        What the job follows, without secrets.
    kafka : KafkaConnection or None
        The brokers, None where no topic is used; holds the secrets and shows none.
    actions : tuple of Action
        What `tidemark listen` does; they hold secrets and show none.
    store : StoreAddress or None
        Where it keeps what the job says.
    """

    path: Path
    directory: Path
    plan: Plan
    kafka: KafkaConnection | None
    actions: tuple[Action, ...]
    store: StoreAddress | None

    @property
    def unavailable(self) -> tuple[str, ...]:
        """Parts of the file that are checked but not acted on in this release, one line each."""
        return self.plan.unavailable


def load(path: Path | str, environment: Environment[str, str] | None = None) -> Configuration:
    """Load a configuration file.

    Parameters
    ----------
    path : Path or str
        The file, and as it is written here messages call it.
    environment : mapping of str to str, optional
        What ``${NAME}`` stands for; the process's own if not given.

    Returns
    -------
    Configuration
        Names of files in it are relative to the file's folder, whatever the folder tidemark is started from.

    Raises
    ------
    ConfigurationError
        With everything that is wrong, one line each.
    """
    name = str(path)
    path = Path(path).expanduser()
    start, directory = Mark(name, 1, 1), path.absolute().parent
    tree, problems = read(path, name)
    if not tree:
        raise configuration_error(tree, start, problems or [Problem((), NOTHING)])
    tree, found = included(tree, directory, name)
    problems += found
    tree, found = interpolate(tree, os.environ if environment is None else environment, directory)
    problems += found
    tree, found = layered(tree)
    problems += found
    file, found = _checked(tree)
    problems += found
    if problems or file is None:
        raise configuration_error(tree, start, problems)
    plan = compiled(file, directory)
    return Configuration(
        path,
        directory,
        plan,
        KafkaConnection(file.kafka, directory) if file.kafka else None,
        file.actions,
        StoreAddress.of(file.store, directory) if file.store else None,
    )


NOTHING = "is empty; 'tidemark init --from DATA -o FILE' writes a configuration from data"


def _checked(tree: Mapping) -> tuple[File | None, list[Problem]]:
    """Validate the parts; then, without those that are wrong, whether they fit together: all is said at once."""
    problems: list[Problem] = []
    broken: set[str] = set()
    file = None
    try:
        file = File.model_validate(tree)
    except ValidationError as error:
        problems = list(problems_of(error, tree))
        rest = _without(tree, problems)
        broken = {str(problem.path[0]) for problem in problems if problem.path}
        try:
            file = File.model_validate(rest)
        except ValidationError:
            return None, problems  # what is left is no configuration, so there is nothing to compare
    models = tree.get("models")
    names = list(models) if isinstance(models, Mapping) else []
    problems += problems_between(file, broken, names)
    return file, problems


def _without(tree: Mapping, problems: list[Problem]) -> Mapping:
    """The tree without what is wrong: single sources, sinks, groups and models; other sections as a whole."""
    parts = {problem.path[:2] if len(problem.path) > 1 else problem.path for problem in problems}
    rest = Mapping()
    for key, value in tree.items():
        if (key,) in parts:
            continue
        if isinstance(value, Mapping) and key in ("sources", "sinks", "groups", "models"):
            kept = Mapping()
            for name, item in value.items():
                if (key, name) not in parts:
                    kept.put(name, item, value.marks[name])
            rest.put(key, kept, tree.marks[key])
        elif not any(part[:1] == (key,) for part in parts) or isinstance(value, Sequence):
            rest.put(key, value, tree.marks[key])
    return rest
