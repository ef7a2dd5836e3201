"""Runs a command that may not outlive whoever asked for it, however that one ended.

``python guard.py GRACE_S COMMAND...`` with a pipe as standard input: when its other end closes, which the kernel
does for a process killed by -9 too, the command gets SIGTERM, and GRACE_S later SIGKILL. SIGTERM to the guard is
SIGKILL to the command. The guard ends after the command, with its status.
Started in a session of its own, so that Ctrl-C reaches only the one who decides when to stop.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    """Run the command; give its exit status."""
    grace_s, command = float(sys.argv[1]), sys.argv[2:]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: child.kill())
    threading.Thread(target=_end_with_stdin, args=(child, grace_s), daemon=True).start()
    return child.wait()


def _end_with_stdin(child: "subprocess.Popen[bytes]", grace_s: float) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    child.terminate()
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main())
