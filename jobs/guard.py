"""Runs a command that, with all it starts, may not outlive whoever asked for it, however that one ended.

``python guard.py GRACE_S FOLDER COMMAND...`` with a pipe as standard input. When the pipe's other end closes, which
the kernel does for a process killed by -9 too, the command gets SIGTERM, and GRACE_S later it and all its children
SIGKILL; then FOLDER is removed, unless it is empty text. SIGTERM to the guard kills the command and its children at
once and leaves the folder. The guard ends after them, with the command's status.
Started in a session of its own, so that Ctrl-C reaches only the one who decides when to stop.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


def start_guarded(
    command: Sequence[str | Path],
    log: IO[bytes],
    grace_s: float,
    folder: str | Path = "",
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command under a guard of its own.

    Parameters
    ----------
    command : sequence of str or Path
        The program and its arguments.
    log : file
        Gets what it prints.
    grace_s : float
        How long it has to end in order.
    folder : Path, optional
        Removed when all is over.
    environment : mapping, optional
        Its environment variables; those of this process if not given.

    Returns
    -------
    Popen
        The guard: to end the command in order close its ``stdin``, to end it at once ``terminate`` it; then ``wait``.
    """
    guarded = [sys.executable, "-I", __file__, str(grace_s), str(folder), *map(str, command)]
    pipe = subprocess.PIPE
    return subprocess.Popen(guarded, stdin=pipe, stdout=log, stderr=log, env=environment, start_new_session=True)


def main() -> int:
    """Run the command; give its exit status."""
    grace_s, folder, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_: _kill_all(child))
    asked = threading.Event()
    threading.Thread(target=_end_with_stdin, args=(child, grace_s, asked), daemon=True).start()
    status = child.wait()
    _kill_all(child)  # what it started and left behind
    if asked.is_set() and folder:
        shutil.rmtree(folder, ignore_errors=True)
    return status


def _end_with_stdin(child: subprocess.Popen[bytes], grace_s: float, asked: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    asked.set()
    child.terminate()
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        _kill_all(child)


def _kill_all(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # they have ended


if __name__ == "__main__":
    sys.exit(main())
