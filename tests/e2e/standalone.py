"""The standalone cluster that the apache-flink wheel carries: a JobManager and TaskManagers, on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import pyflink

from jobs.java import java_home
from jobs.ports import free_port

HOME = Path(pyflink.__file__).parent


class Standalone:
    """A cluster as a context manager; its logs stay in `folder`."""

    def __init__(self, folder: Path, managers: int = 1, slots: int = 1) -> None:
        self.folder, self.managers, self.slots = folder, managers, slots
        self.port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return json.load(answer)

    def __enter__(self) -> Standalone:
        conf = self.folder / "conf"
        shutil.copytree(HOME / "conf", conf)
        kept = (HOME / "conf" / "config.yaml").read_text()  # with env.java.opts.all: Flink does not start without it
        kept = kept.replace("port: 6123", f"port: {free_port()}").replace("size: 1728m", "size: 2g")
        kept = kept.replace("numberOfTaskSlots: 1", f"numberOfTaskSlots: {self.slots}")
        (conf / "config.yaml").write_text(f"{kept}\n  port: {self.port}\n  bind-port: {self.port}\n")
        environment = {
            **os.environ,
            "FLINK_CONF_DIR": str(conf),
            "FLINK_LOG_DIR": str(self.folder),
            "FLINK_HOME": str(HOME),
            "JAVA_HOME": str(java_home()),
        }
        for number, role in enumerate(("jobmanager", *["taskmanager"] * self.managers)):
            with (self.folder / f"{role}-{number}.out").open("wb") as out:
                command = ["bash", str(HOME / "bin" / f"{role}.sh"), "start-foreground"]
                process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)
                self._processes.append(process)
        deadline = time.monotonic() + 300
        while True:
            try:
                if self.get("/overview")["slots-total"] == self.managers * self.slots:
                    return self
            except OSError:
                pass
            assert time.monotonic() < deadline, (self.folder / "jobmanager-0.out").read_text()[-2000:]
            time.sleep(0.5)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            os.killpg(process.pid, 15)
        for process in self._processes:
            process.wait(120)
