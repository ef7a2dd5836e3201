import os
import sys
import time

import pytest

from jobs import gateway
from jobs.guard import start_guarded
from schemas.errors import SetupError

# A parent and a child that both ignore SIGTERM; the parent's and the child's pid are printed.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child: print(os.getpid(), child, flush=True)
time.sleep(600)
"""


def alive(pid):
    """Say whether a process runs; one that has ended and waits for init to notice does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_gone(pids):
    """Say whether they end within a moment: a kill is an order, not yet its execution."""
    end = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.01)
    return not any(map(alive, pids))


@pytest.fixture
def stubborn(tmp_path):
    """A guarded command, with its pids, that has a folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    with (tmp_path / "log").open("wb") as log:
        guard = start_guarded([sys.executable, "-c", STUBBORN], log, 0.2, folder)
    while len(pids := (tmp_path / "log").read_text().split()) < 2:
        time.sleep(0.01)
    yield guard, [int(pid) for pid in pids], folder
    guard.stdin.close()
    guard.wait()


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def test_all_end_with_the_pipe(stubborn):
    """When the pipe closes, what does not end in order is killed with its children, and the folder goes."""
    guard, pids, folder = stubborn
    assert all(map(alive, pids))
    guard.stdin.close()
    guard.wait(30)
    assert all_gone(pids)
    assert not folder.exists()


def test_kill_at_once(stubborn):
    """A terminated guard ends after what it guards, and leaves the folder for a restart."""
    guard, pids, folder = stubborn
    guard.terminate()
    guard.wait(30)
    assert all_gone(pids)
    assert folder.exists()


def test_status_and_orphans(tmp_path):
    """A command that ends by itself gives its status to the guard, and its children do not outlive it."""
    code = "import os\nif child := os.fork(): print(child, flush=True); os._exit(7)\nimport time; time.sleep(600)"
    with (tmp_path / "log").open("wb") as log:
        guard = start_guarded([sys.executable, "-c", code], log, 0.2)
    assert guard.wait(30) == 7
    assert all_gone([int((tmp_path / "log").read_text())])


def test_jvm_that_does_not_start(tmp_path, monkeypatch):
    """A Java that ends at once is said with its last words, and leaves no temporary files."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\necho 'Error: no room for the heap' >&2\nexit 1\n")
    (tmp_path / "bin" / "java").chmod(0o755)
    monkeypatch.setattr(gateway, "_guard", None)
    monkeypatch.setattr(gateway, "_logs", None)
    monkeypatch.setattr(gateway, "_temporary", None)
    monkeypatch.setattr(gateway.tempfile, "mkdtemp", lambda prefix: os.fspath(made))
    made = tmp_path / "temporary"
    made.mkdir()
    with pytest.raises(SetupError) as error:
        gateway.start(tmp_path, tmp_path / "logs")
    expected = f"Flink's JVM did not start: Error: no room for the heap; its log is in {tmp_path / 'logs'}"
    assert str(error.value) == expected
    assert not made.exists()
