import os
import shutil

import pytest
from fsspec.implementations.local import LocalFileSystem

from config.plan import JobPlan
from jobs.savepoints import drop, folder, latest_checkpoint


def made(root, *names):
    """Make states as Flink does, each newer than the one before."""
    for second, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"state")
        os.utime(root / name, (second, second))


def test_no_two_jobs_share(tmp_path, monkeypatch):
    """The folder is of one job in one environment, and absolute wherever the job is started."""
    monkeypatch.chdir(tmp_path)
    assert folder(JobPlan(name="a", environment="prod", checkpoint_dir="./c")) == f"{tmp_path.as_uri()}/c/prod/a"


@pytest.mark.parametrize("newest", ["savepoint-1-2/_metadata", "job2/chk-10/_metadata"])
def test_newest_of_all(tmp_path, newest):
    """The newest state is taken, be it a savepoint or a checkpoint, of whichever run."""
    made(tmp_path, "job1/chk-99/_metadata", "savepoint-0-0/_metadata", "job2/chk-9/_metadata", newest)
    assert latest_checkpoint(tmp_path.as_uri()) == f"{tmp_path.as_uri()}/{newest.removesuffix('/_metadata')}"


def test_half_written(tmp_path):
    """A checkpoint that a crash left without its last file is passed over."""
    made(tmp_path, "job/chk-1/_metadata", "job/chk-2/part")
    assert latest_checkpoint(str(tmp_path)) == f"{tmp_path.as_uri()}/job/chk-1"


def test_none(tmp_path):
    """Where nothing was kept, or no folder is, there is nothing to go on from."""
    made(tmp_path, "job/shared/_metadata")
    assert latest_checkpoint(str(tmp_path)) is None
    assert latest_checkpoint(str(tmp_path / "gone")) is None


def test_drop(tmp_path):
    """All state of a job goes, and where there is none nothing happens."""
    made(tmp_path, "job/chk-1/_metadata", "savepoint-1-2/_metadata")
    for _ in range(2):
        drop(tmp_path.as_uri())
        assert not tmp_path.exists()


def test_drop_what_another_is_removing(tmp_path, monkeypatch):
    """A checkpoint that the cluster of the ended job removes at the same time is no fault."""
    made(tmp_path, "job/chk-1/_metadata", "job/chk-2/_metadata")
    remove = LocalFileSystem.rm

    def rm(self, path, recursive=False, maxdepth=None):
        if (tmp_path / "job/chk-1").exists():
            shutil.rmtree(tmp_path / "job/chk-1")
            raise FileNotFoundError(2, "No such file or directory", "chk-1")
        remove(self, path, recursive, maxdepth)

    monkeypatch.setattr(LocalFileSystem, "rm", rm)
    drop(tmp_path.as_uri())
    assert not tmp_path.exists()


def test_a_checkpoint_goes_meanwhile(tmp_path, monkeypatch):
    """A job that runs removes its older ones: the newest of those that are left is given."""
    made(tmp_path, "job/chk-1/_metadata", "job/chk-2/_metadata")
    modified = LocalFileSystem.modified

    def removed_meanwhile(self, path):
        (tmp_path / "job/chk-1/_metadata").unlink(missing_ok=True)
        return modified(self, path)

    monkeypatch.setattr(LocalFileSystem, "modified", removed_meanwhile)
    assert latest_checkpoint(str(tmp_path)) == (tmp_path / "job/chk-2").as_uri()
