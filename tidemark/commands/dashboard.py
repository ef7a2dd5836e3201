"""`tidemark dashboard`: what was found, as pages that are brought up to date."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from config.load import Configuration, load
from config.store import Store, StoreAddress
from config.texts import Mark, Text
from schemas.control import Command
from schemas.errors import UsageError

WHAT = "give a CONFIG with a `store`, or --store, or --events and --summaries"


def dashboard(
    config: Annotated[Path | None, typer.Argument(metavar="[CONFIG]", show_default=False)] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar="TIDEMARK_STORE", help="The store, as `store` in a configuration says it."),
    ] = None,
    events: Annotated[Path | None, typer.Option(metavar="FILE", help="Events, one a line, instead of a store.")] = None,
    summaries: Annotated[Path | None, typer.Option(metavar="FILE", help="Summaries, likewise.")] = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen; 0 is any free one.", min=0, max=65535)] = 8050,
    user_header: Annotated[
        str, typer.Option(metavar="NAME", help="Header in which a reverse proxy says who asks.")
    ] = "X-Forwarded-User",
) -> None:
    """Show models, episodes and signals in a browser, brought up to date as they are stored, until Ctrl-C.

    What it shows is read from the `store` of CONFIG, which `tidemark listen` fills; from --store; or from files of
    events and summaries, which are followed as they grow. It asks nobody for a password: it listens on this machine
    only, and a reverse proxy in front of it says who may come in.

    Example: tidemark dashboard monitors.yaml
    Example: tidemark dashboard --events events.jsonl --summaries summaries.jsonl --port 8051
    """
    from dashboard.app import serve
    from dashboard.files import stored
    from dashboard.findings import Findings
    from store import Database, Reader

    loaded = None if config is None else load(config)
    files = [path for path in (events, summaries) if path is not None]
    if files and store:
        message = "--store, --events: what is shown is in a store or in files; keep one"
        raise UsageError(message)
    address = None if files else _address(store) if store else loaded.store if loaded else None
    if address is None:
        files = files or _sinks(loaded)
    with ExitStack() as stack:
        if address is not None:
            database = stack.enter_context(Database(address.url.get_secret_value(), address.name))
            title = address.name.rpartition("/")[2]  # the file, or the database
        else:
            database = stack.enter_context(stored(files))
            title = files[0].name
        found = Findings(loaded.plan.job.name if loaded else title, Reader(database), loaded, _teller(loaded))
        serve(found, host=host, port=port, user_header=user_header, ready=_tell)


def _teller(loaded: Configuration | None) -> Callable[[Command], object] | None:
    """Sends the job what people say on pages; None where no topic is there for it."""
    if loaded is None or loaded.plan.control is None or loaded.plan.control.topic is None:
        return None
    from consumers import telling

    return partial(telling.tell, loaded)


def _tell(address: str) -> None:
    print(f"dashboard: {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)


def _address(url: str) -> StoreAddress:
    try:
        # As if it were filled in by the configuration: a password in it is the caller's affair.
        given = Store.model_validate({"url": Text(url, Mark("--store", 1, 1), filled=(url,))})
    except ValidationError as error:
        message = f"--store: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
        raise UsageError(message) from None
    return StoreAddress.of(given, Path.cwd())


def _sinks(loaded: Configuration | None) -> list[Path]:
    if loaded is None:
        message = f"dashboard: there is nothing to show; {WHAT}"
        raise UsageError(message)
    sinks = [loaded.plan.events, loaded.plan.summaries, loaded.plan.dead_letters]
    files = [Path(sink.path) for sink in sinks if sink is not None and sink.path is not None]
    if not files:
        message = (
            f"{loaded.path}: has no `store`, and its events go to a topic; "
            f"add 'store: sqlite:///tidemark.db' and run 'tidemark listen {loaded.path}' beside the dashboard"
        )
        raise UsageError(message)
    return files
