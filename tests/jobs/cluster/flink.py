"""A Flink cluster's REST address as a server that gives recorded answers: shapes of Flink 2.3, cut to what is read."""

from __future__ import annotations

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from jobs.cluster.about import About

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "flink-rest.json").read_bytes())
JOB = "ff83b2eac8fb08c0d9c8d118eff4fe9f"
WHY = (  # it failed, where it did
    "IOException: error=2, No such file or directory "
    "(the cluster's machines have no such interpreter; name theirs with --python)"
)
NOW_MS = RECORDED[f"/jobs/{JOB}"]["now"]


class FakeFlink:
    """A cluster with one job; `answers` may be changed. `asked` has what was sent to change something."""

    def __init__(self, about: About | None = None) -> None:
        self.answers: dict[str, Any] = copy.deepcopy({k: v for k, v in RECORDED.items() if k.startswith("/")})
        self.savepoint = copy.deepcopy(RECORDED["savepoint"])
        self.asked: list[tuple[str, str, Any]] = []
        if about is not None:
            self.answers[f"/jobs/{JOB}/config"]["execution-config"]["user-config"] = about.parameters()

    @property
    def job(self) -> dict[str, Any]:
        """What is told of the job."""
        told: dict[str, Any] = self.answers[f"/jobs/{JOB}"]
        return told

    def end(self, state: str) -> None:
        """Let the job be over."""
        self.job["state"] = self.answers["/jobs/overview"]["jobs"][0]["state"] = state

    def __enter__(self) -> FakeFlink:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if "/savepoints/" in path:
                    self._send(200, fake.savepoint)
                elif path in fake.answers:
                    self._send(200, fake.answers[path])
                else:
                    self._send(404, {"errors": [f"org.apache.flink.NotFoundException: {path} not found\n\tat a.B(C)"]})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.asked.append(("POST", self.path, json.loads(body)))
                if "location" in fake.savepoint["operation"]:
                    fake.end("FINISHED")
                self._send(202, {"request-id": "1"})

            def do_PATCH(self) -> None:
                fake.asked.append(("PATCH", self.path, None))
                fake.end("CANCELED")
                self._send(202, {})

            def _send(self, status: int, document: Any) -> None:
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
