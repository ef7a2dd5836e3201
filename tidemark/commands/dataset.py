"""`tidemark dataset`: the data that a retrain request names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config import load
from config.errors import did_you_mean
from jobs.training.data import training_data
from jobs.training.files import FORMATS, write
from jobs.training.mix import Mix
from jobs.training.requests import find_request
from schemas.errors import UsageError
from tidemark.options import ConfigOption, Data, Labels
from tidemark.progress import progress


def dataset(
    request: Annotated[
        str,
        typer.Argument(metavar="REQUEST", help="A file with the request's event, - for standard input, or its id."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The training data (.parquet, .csv).")],
    config: ConfigOption = Path("monitors.yaml"),
    data: Data = None,
    labels: Labels = None,
    exclude: Annotated[
        Path | None, typer.Option(metavar="IDS", help="File with ids that are not to be used, one a line.")
    ] = None,
    test: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of the rows, by time the last, that is for the test.")
    ] = 0.2,
    mix: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Of the rows to train on, how many are of the reference.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="DATA", help="Of --mix: labelled records from before, files, or topic:NAME.")
    ] = None,
) -> None:
    """Write the data that a retrain request names, joined with labels, to train on and to test with.

    Beside FILE.parquet it writes FILE.test.parquet, later in time; FILE.aside.parquet, rows that do not keep to what
    `expect` says, with the reason; and FILE.manifest.json: what was asked for, read and left out, from where, and the
    checksums. The same request gives the same files as long as the sources keep the records.

    With --mix and --reference a sample of the reference is trained on as well; the column `origin` says which rows.
    Nothing of it is in the test.

    Example: tidemark dataset request.json -o train.parquet
    """
    if output.suffix not in FORMATS:
        near = did_you_mean(output.suffix, FORMATS)
        message = f"-o {output}: '{output.suffix}' is not a format ({', '.join(FORMATS)}){near}"
        raise UsageError(message)
    mixed = _mix(mix, reference)
    loaded = load(config)
    event = find_request(loaded, request)
    erased = _ids(exclude) if exclude is not None else ()
    with progress("records", None) as advance:
        made = training_data(
            loaded,
            event,
            data=data,
            labels=labels,
            erased=erased,
            test_share=test,
            mix=mixed,
            progress=advance,
        )
    for line in write(output, made, event, loaded):
        print(line)


def _mix(share: float | None, data: str | None) -> Mix | None:
    if share is None and data is None:
        return None
    if share is None or data is None:
        given, other = ("--mix", "--reference DATA") if data is None else ("--reference", "--mix SHARE")
        message = f"{given}: needs {other}, too"
        raise UsageError(message)
    if not 0 < share < 1:
        message = f"--mix: {share:g} is not a share (above 0 and below 1; 0.3 is three rows in ten)"
        raise UsageError(message)
    return Mix(share, data)


def _ids(path: Path) -> list[str]:
    """Ids one a line, as they are written."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        message = f"--exclude: {path}: cannot be read ({why})"
        raise UsageError(message) from error
