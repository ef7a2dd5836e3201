import os
import subprocess
import sys
from pathlib import Path

import tidemark
from tidemark.rooms import ROOMS, shadowed


def test_rooms_are_our_own():
    """In an ordinary installation nothing stands before a room."""
    assert shadowed() == []


def test_a_file_of_the_user_that_shadows_a_room_is_named(tmp_path):
    """Started from a folder with a `config.py`, tidemark says which file is in the way and does nothing else."""
    (tmp_path / "config.py").write_text("raise SystemExit('imported')\n")
    home = Path(tidemark.__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "tidemark", "--help"],
        cwd=tmp_path,  # `-m` looks there first, then on PYTHONPATH, and only then for what is installed
        env={**os.environ, "PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        f"tidemark: Python finds 'config' at {tmp_path / 'config.py'}, not at {home / 'config'}; "
        "start from another folder or take that one off PYTHONPATH\n",
    )


def test_rooms_that_are_not_there_are_named(tmp_path):
    """A home without rooms gives a line for each of them."""
    assert len(shadowed(tmp_path)) == len(ROOMS)
