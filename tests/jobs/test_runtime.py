import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from config.plan import JobPlan, SegmentPlan
from jobs import runtime
from jobs.monitor import slots
from operators.profiles.references import JobReferences
from schemas.errors import SetupError
from schemas.profile import Profile, Provenance
from tests.jobs.test_resume import MODEL, PLAN

ROOT = Path(__file__).parents[2]
JOB = JobPlan(name="churn", environment="prod", parallelism=2, checkpoint_every_ms=7000, checkpoint_dir="/state")


def test_every_option_has_a_reason():
    """No option is set twice, and each says what goes wrong without it."""
    rows = runtime.table(JOB, bounded=False) + runtime.embedded_table(JOB)
    assert len({name for name, _, _ in rows}) == len(rows)
    assert all(reason for _, _, reason in rows)


def test_parallelism_is_taskmanagers():
    """Parallelism 2 is two TaskManagers with one slot each."""
    options = runtime.options(JOB, bounded=False)
    names = ("parallelism.default", "minicluster.number-of-taskmanagers", "taskmanager.numberOfTaskSlots")
    assert [options[name] for name in names] == ["2", "2", "1"]


@pytest.mark.parametrize(("listed", "known", "found"), [(2, 0, 1), (100, 0, 2), (None, 99, 1), (None, 100, 2)])
def test_monitors_of_many_segments_get_slots_of_their_own(listed, known, found):
    """Whether the plan lists them or the profile knows them; others share the worker of decode."""
    names = None if listed is None else tuple((str(number),) for number in range(listed))
    model = msgspec.structs.replace(MODEL, segments=(SegmentPlan(fields=("country",), values=names),))
    made = Provenance(source="train.csv", rows=1, start=None, end=None, tidemark="0.1.0")
    countries = tuple((f"country={number}", 50) for number in range(known))
    profile = Profile(model="churn", version=None, provenance=made, signals={}, segments={"country": countries})
    job = JobReferences(msgspec.structs.replace(PLAN, models=(model,)), {"churn": {"": profile}})
    assert slots(job) == found


def test_state_is_where_the_job_says():
    """Whatever the cluster's default is; what changes in RocksDB is all that a checkpoint writes of it."""
    names = ("state.backend.type", "execution.checkpointing.incremental", "taskmanager.memory.managed.size")
    for state, expected in (("memory", ["hashmap", "false", "256 m"]), ("rocksdb", ["rocksdb", "true", "512 m"])):
        options = runtime.options(msgspec.structs.replace(JOB, state=state), bounded=False)
        assert [options[name] for name in names] == expected


def test_slots_are_taskmanagers():
    """Each with one, for two in one TaskManager would share a worker again."""
    options = runtime.options(JOB, bounded=False, slots=2)
    assert (options["minicluster.number-of-taskmanagers"], options["taskmanager.numberOfTaskSlots"]) == ("4", "1")


def test_workers_run_this_python():
    """Embedded workers use the interpreter of the client; a cluster has its own."""
    assert runtime.options(JOB, bounded=False)["python.executable"] == sys.executable
    cluster = runtime.options(JOB, bounded=False, embedded=False)
    assert not {"python.executable", "rest.bind-port", "minicluster.number-of-taskmanagers"} & set(cluster)


def test_what_a_run_adds(tmp_path):
    """Jars, a place to go on from, and options that win."""
    options = runtime.options(
        JOB,
        bounded=False,
        jars=[tmp_path / "a b.jar"],
        restore="file:/state/savepoint-1",
        more={"web.submit.enable": True, "state.backend.type": "rocksdb"},
    )
    assert options["pipeline.jars"] == f"{tmp_path.as_uri()}/a%20b.jar"
    assert options["execution.state-recovery.path"] == "file:/state/savepoint-1"
    assert options["web.submit.enable"] == "true"
    assert options["state.backend.type"] == "rocksdb"
    assert options["execution.checkpointing.dir"] == "file:///state/prod/churn"
    assert options["execution.checkpointing.interval"] == "7000 ms"


def test_under_flink_run(monkeypatch):
    """Where Flink's own client started this process, everything is prepared."""
    monkeypatch.setenv("PYFLINK_GATEWAY_PORT", "1")
    monkeypatch.delenv("_python_worker_execution_mode", raising=False)
    runtime.prepare_process()
    assert "_python_worker_execution_mode" not in os.environ


@pytest.mark.parametrize(
    ("version", "found", "machine", "message"),
    [
        (
            (3, 13),
            None,
            "x86_64",
            "this is Python 3.13, for which there is no Flink (3.10 to 3.12); make an environment with one of those",
        ),
        (
            (3, 11),
            None,
            "x86_64",
            "tidemark run needs Flink, which is not installed; pip install 'tidemark[flink]'",
        ),
        (
            (3, 11),
            None,
            "aarch64",
            "Flink has no build for Linux on ARM (Linux on x86-64, macOS on ARM); run it on one of those",
        ),
    ],
)
def test_cannot_run(version, found, machine, message, monkeypatch):
    """What keeps Flink from running is said in one line, before anything is started."""
    monkeypatch.setattr(runtime, "_version", lambda: version)
    monkeypatch.setattr(runtime, "find_spec", lambda name: found)
    monkeypatch.setattr(runtime.platform, "system", lambda: "Linux")
    monkeypatch.setattr(runtime.platform, "machine", lambda: machine)
    with pytest.raises(SetupError) as error:
        runtime.prepare_process()
    assert (str(error.value), error.value.exit_status) == (message, 1)


class Job:
    """The counting job in a process of its own."""

    def __init__(self, folder, parallelism):
        self.folder = folder
        command = [sys.executable, Path(__file__).with_name("counting_job.py"), folder, str(parallelism)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said = json.loads(self.process.stdout.readline())
        guard = Path(f"/proc/{self.said['guard']}/cmdline").read_bytes().split(b"\0")
        self.temporary = Path(os.fsdecode(guard[4]))

    def counted(self):
        """Give what it printed so far."""
        text = (self.folder / "logs" / "flink.out").read_text()
        return [json.loads(line) for line in re.findall(r"\{.*\}$", text[: text.rfind("\n")], flags=re.MULTILINE)]

    def wait_for(self, true):
        """Wait until something is true of what it printed, and give that."""
        end = time.monotonic() + 300
        while not true(counted := self.counted()):
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        return counted

    def left(self):
        """Give the processes that were started for it and live."""
        alive = []
        for status in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"TMPDIR={self.temporary}\0".encode() in status.read_bytes():
                    alive.append(int(status.parent.name))
            except OSError:
                continue
        return alive


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_embedded_cluster(tmp_path):
    """Workers are processes of their own; state goes on in the next run, at another parallelism; a kill ends all."""
    first = Job(tmp_path, 2)
    counted = first.wait_for(lambda found: len({line["pids"][1] for line in found}) == 2)
    assert first.said["client"] not in {pid for line in counted for pid in line["pids"]}
    assert len(first.left()) >= 4  # the JVM and, for each of two slots, a shell and a worker
    savepoint = json.loads(first.process.communicate("stop\n", timeout=300)[0])["savepoint"]
    assert first.process.returncode == 0
    assert first.left() == []
    assert not first.temporary.exists()
    before = {line["key"]: line["count"] for line in first.counted()}

    second = Job(tmp_path, 1)
    assert second.said["restored"].endswith(savepoint.rpartition("/")[2])
    after = second.wait_for(lambda found: len({line["key"] for line in found}) == 4)
    firsts = {line["key"]: line["count"] for line in reversed(after)}
    assert firsts == {key: count + 1 for key, count in before.items()}
    second.process.send_signal(signal.SIGKILL)
    second.process.communicate()
    end = time.monotonic() + 120  # 3 s of grace on a machine that has other things to do
    while (second.left() or second.temporary.exists()) and time.monotonic() < end:
        time.sleep(0.1)
    assert second.left() == []
    assert not second.temporary.exists()
