"""The installed command as users run it: to its end, or alive and to be stopped or killed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemark import cli

COMMAND = Path(sys.executable).with_name("tidemark")
WITHIN_S = 300  # a run of the tests takes 10-20 s on two idle cores


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def totals(self) -> dict[str, Any]:
        """The last line of ``--json``."""
        totals: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return totals


def tidemark(
    folder: Path, *words: str, status: int = 0, within_s: float = WITHIN_S, variables: Mapping[str, str] | None = None
) -> Ended:
    """Run a command to its end, which must be as told, without a traceback and without anything left of it."""
    live = Live(folder, *words, variables=variables)
    try:
        return live.end(status, within_s)
    finally:
        live.kill()


def command(*words: str | Path) -> Ended:
    """Run a command in this process: for what tests need beforehand, which is there several times sooner."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([str(word) for word in words])
    assert status == 0, err.getvalue()
    return Ended(status, out.getvalue(), err.getvalue())


class Live:
    """A command that runs until it is stopped; as a context manager it is killed at the end of the block."""

    def __init__(self, folder: Path, *words: str, variables: Mapping[str, str] | None = None) -> None:
        self._out, self._err, self._temporary = folder / "stdout", folder / "stderr", folder / "temporary"
        self._temporary.mkdir(exist_ok=True)
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [COMMAND, *words],
                cwd=folder,
                env={**os.environ, "TMPDIR": str(self._temporary), **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        self._seen: dict[int, str] = {}

    def processes(self) -> dict[int, str]:
        """What the command has started that still runs, by id: its command line."""
        # Nothing of what has ended: its id may by now be another's.
        below = {self._process.pid} if self._process.poll() is None else set()
        running = _running()
        below |= {pid for pid, said in self._seen.items() if pid in running and running[pid][1] == said}
        while more := {pid for pid, (parent, _) in running.items() if parent in below} - below:
            below |= more
        self._seen |= {pid: running[pid][1] for pid in below & running.keys() - {self._process.pid}}
        return {pid: said for pid, said in self._seen.items() if pid in running and running[pid][1] == said}

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def wait_for(self, what: Callable[[], object], within_s: float = WITHIN_S) -> None:
        """Wait until something is so; the command must not end before."""
        end = time.monotonic() + within_s
        while not what():
            self.processes()
            assert self._process.poll() is None, f"ended with {self._process.returncode}: {self._err.read_text()}"
            assert time.monotonic() < end, f"not within {within_s} s; {self._err.read_text()}"
            time.sleep(0.1)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.processes()
        self._process.send_signal(signal.SIGINT)

    def end(self, status: int = 0, within_s: float = WITHIN_S) -> Ended:
        """Wait for the end."""
        end = time.monotonic() + within_s
        while self._process.poll() is None:
            self.processes()
            assert time.monotonic() < end, f"not ended within {within_s} s; {self._err.read_text()}"
            time.sleep(0.1)
        ended = Ended(self._process.returncode, self._out.read_text(), self._err.read_text())
        assert (ended.status, "Traceback" in ended.err) == (status, False), ended
        self.gone()
        assert not list(self._temporary.iterdir())
        return ended

    def gone(self, within_s: float = 60) -> None:
        """Check that nothing of it is left running."""
        end = time.monotonic() + within_s
        while left := self.processes():
            assert time.monotonic() < end, f"still running: {left}"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill -9 what is still running of it."""
        below = self.processes()
        self._process.kill()
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has ended
        self._process.wait()
        shutil.rmtree(self._temporary, ignore_errors=True)  # who would have done it was killed too

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _running() -> dict[int, tuple[int, str]]:
    """Parent and command line of all processes that have not ended."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True)
    fields = (line.split(None, 3) for line in listed.stdout.splitlines())
    return {int(f[0]): (int(f[1]), f[3]) for f in fields if len(f) == 4 and not f[2].startswith("Z")}
