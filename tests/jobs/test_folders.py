import os

import pytest

from jobs.folders import make
from schemas.errors import UsageError


def test_made(tmp_path):
    """A folder that is not there is made, with nothing in it; one that is there stays as it is."""
    for _ in range(2):
        make((tmp_path / "a" / "b").as_uri(), "job.checkpoints.dir")
        assert os.listdir(tmp_path / "a" / "b") == []
    (tmp_path / "a" / "file").write_text("kept")
    make(str(tmp_path / "a"), "sinks")
    assert sorted(os.listdir(tmp_path / "a")) == ["b", "file"]


def test_not_a_folder(tmp_path):
    """What cannot be a folder is told by the name that the configuration has for it."""
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UsageError) as caught:
        make(f"{(tmp_path / 'file').as_uri()}/state", "job.checkpoints.dir")
    assert str(caught.value) == (
        f"job.checkpoints.dir: '{tmp_path}/file/state' cannot be written (not a directory); choose another folder"
    )


def test_no_such_place():
    """So is a place that nothing here can write to."""
    with pytest.raises(UsageError) as caught:
        make("nowhere://bucket/state", "job.checkpoints.dir")
    assert str(caught.value) == (
        "job.checkpoints.dir: 'nowhere://bucket/state' cannot be written (protocol not known: nowhere); "
        "choose another folder"
    )
