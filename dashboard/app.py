"""The dashboard as a server: its pages on a port."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from nicegui import app as nice
from nicegui import ui

from dashboard.findings import Findings
from dashboard.frame import Frame
from dashboard.limits import Limits
from dashboard.pages import PAGES
from dashboard.shown import Page
from schemas.errors import UsageError

SLOWEST_S = 30.0  # of a page; a store under load answers late, which is better than not
FAVICON = Path(__file__).parent / "favicon.svg"


def serve(findings: Findings, *, host: str, port: int, user_header: str, ready: Callable[[str], None]) -> None:
    """Show pages until Ctrl-C.

    Parameters
    ----------
    findings : Findings
        What there is to show.
    host, port
        Where to listen; port 0 is any free one.
    user_header : str
        Header in which a reverse proxy says who asks.
    ready
        Called with the address once it listens.

    Raises
    ------
    UsageError
        Nothing can listen there.
    """
    with _listening(host, port) as found:
        for path, page in PAGES.items():
            _register(findings, path, page, user_header)
        served = FastAPI(openapi_url=None)
        # No styles but ours, and those without which its elements do not work.
        ui.run_with(served, title="Tidemark", favicon=FAVICON, dark=None, tailwind=False, show_welcome_message=False,
                    language="en-US")  # fmt: skip
        nice.on_startup(lambda: ready(f"http://{_named(host)}:{found.getsockname()[1]}/"))
        uvicorn.Server(
            uvicorn.Config(Limits(served), http="h11", log_level="warning", access_log=False, ws_max_size=1 << 20)
        ).run(sockets=[found])


def _register(findings: Findings, path: str, page: Page, user_header: str) -> None:
    @ui.page(path, response_timeout=SLOWEST_S)
    async def show(request: Request) -> None:
        ui.context.client.status_code = await Frame(findings, page, request, user_header).build()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        what = "port is taken; say another with --port" if error.errno == errno.EADDRINUSE else error.strerror
        message = f"dashboard: cannot listen on {host}:{port}: {what}"
        raise UsageError(message) from None


def _named(host: str) -> str:
    return f"[{host}]" if ":" in host else host
