"""`tidemark dataset`: the data that a retrain request names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config import load
from config.errors import did_you_mean
from jobs.datasets_out import FORMATS, write
from jobs.request_files import find_request
from jobs.training_data import training_data
from schemas.errors import UsageError
from tidemark.progress import progress


def dataset(
    request: Annotated[
        str,
        typer.Argument(metavar="REQUEST", help="A file with the request's event, - for standard input, or its id."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The training data (.parquet, .csv).")],
    config: Annotated[Path, typer.Option("--config", metavar="CONFIG", help="The configuration of the job.")] = Path(
        "monitors.yaml"
    ),
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="Records from here: files, or topic:NAME; else the sources.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="DATA", help="Labels from here: files, or topic:NAME; else the sources.")
    ] = None,
    exclude: Annotated[
        Path | None, typer.Option(metavar="IDS", help="File with ids that are not to be used, one a line.")
    ] = None,
    test: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of the rows, by time the last, that is for the test.")
    ] = 0.2,
) -> None:
    """Write the data that a retrain request names, joined with labels, to train on and to test with.

    Beside FILE.parquet it writes FILE.test.parquet, later in time; FILE.aside.parquet, rows that do not keep to what
    `expect` says, with the reason; and FILE.manifest.json: what was asked for, read and left out, from where, and the
    checksums. The same request gives the same files as long as the sources keep the records.

    Example: tidemark dataset request.json -o train.parquet
    """
    if output.suffix not in FORMATS:
        near = did_you_mean(output.suffix, FORMATS)
        message = f"-o {output}: '{output.suffix}' is not a format ({', '.join(FORMATS)}){near}"
        raise UsageError(message)
    loaded = load(config)
    event = find_request(loaded, request)
    erased = exclude.read_text(encoding="utf-8").split() if exclude is not None else ()
    with progress("records", None) as advance:
        made = training_data(
            loaded,
            event,
            data=data,
            labels=labels,
            erased=erased,
            test_share=test,
            progress=advance,
        )
    for line in write(output, made, event, loaded):
        print(line)
