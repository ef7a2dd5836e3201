"""`tidemark schema`: JSON Schemas of the configuration and of all messages, and the AsyncAPI document."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from config import schema as configuration
from schemas import export
from schemas.errors import UsageError

DOCUMENTS = {"configuration": configuration.schema, **export.DOCUMENTS}

Name = Enum("Name", {name: name for name in DOCUMENTS}, type=str)  # type: ignore[misc]  # the names are those of the table


def schema(
    name: Annotated[
        Name | None, typer.Argument(metavar="[NAME]", help=f"One of {', '.join(DOCUMENTS)}; all of them with -o.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write NAME.json into this folder instead.")
    ] = None,
) -> None:
    """Print JSON Schemas: of the configuration, for editors to complete it, and of the messages on all topics.

    Example: tidemark schema configuration -o .vscode
    """
    names = list(DOCUMENTS) if name is None else [name.value]
    if folder is None and name is None:
        message = f"tidemark schema: nothing to print; name one of {', '.join(DOCUMENTS)}, or give a folder with -o"
        raise UsageError(message)
    for each in names:
        text = export.text(DOCUMENTS[each]())
        if folder is None:
            typer.echo(text, nl=False)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{each}.json"
            file.write_text(text, encoding="utf-8")
            typer.echo(file)
