"""`tidemark broker`: a real Kafka in the foreground, for trying things."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.broker import Broker
from tidemark.printing import tell


def broker(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where clients connect; 0 takes a free port.")] = 9092,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Keep its data here; otherwise they go with it.")
    ] = None,
) -> None:
    """Run a single-node Apache Kafka on this machine until Ctrl-C.

    Prints `ready localhost:PORT` when clients can connect. It listens on the loopback address only, creates
    topics on first use, keeps records whatever their age, and has no security: it is for trying things.

    Example: tidemark broker --port 9092 --dir ./kafka
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as Ctrl-C: through the block below, so that it stops
    try:
        with Broker(port, folder, tell=tell) as running:
            print(f"ready localhost:{running.port}", flush=True)
            running.wait()
    except KeyboardInterrupt:
        return
