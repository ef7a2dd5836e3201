"""Arguments and options that several commands share: one name, one meaning, one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ConfigOption = Annotated[Path, typer.Option("--config", "-c", metavar="CONFIG", help="The configuration of the job.")]
EpisodeOrIncident = Annotated[
    str, typer.Argument(metavar="EPISODE", help="Its id or that of its incident, or the beginning of it.")
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="For the record.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says it; whoever is logged in if not given.")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Event time of the line, if control is a file; now if not given."),
]
Model = Annotated[str, typer.Option(metavar="M", help="The model, as the configuration calls it.")]
Data = Annotated[
    str | None, typer.Option(metavar="DATA", help="Records from here: files, or topic:NAME; else the sources.")
]
Labels = Annotated[
    str | None, typer.Option(metavar="DATA", help="Labels from here: files, or topic:NAME; else the sources.")
]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Of a topic: from this time on.")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Of a topic: before this time.")]
