"""A web server that answers as it is told and keeps what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answers:
    """What the server says: a status, or status, body and headers, or a function of the request that gives them."""

    answers: list[Any]
    asked: list[Asked] = field(default_factory=list)
    address: str = ""

    def next(self, asked: Asked) -> tuple[int, str, dict[str, str]]:
        self.asked.append(asked)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Callable):
            answer = answer(asked)
        if isinstance(answer, int):
            return answer, "", {}
        return answer if len(answer) == 3 else (*answer, {})


@contextmanager
def serving(*answers: Any) -> Iterator[Answers]:
    """The last answer is given again and again."""
    told = Answers(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, text, more = told.next(Asked(self.command, self.path, headers, body))
            try:
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())
            except ConnectionError:
                pass  # whoever asked has gone

        do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


def slow(seconds: float) -> Callable[[Asked], int]:
    """Answer late."""

    def answer(_: Asked) -> int:
        time.sleep(seconds)
        return 200

    return answer
