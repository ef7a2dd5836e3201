"""Profiles in files: whole, where they belong, and never where a version's name says."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from config.plan import LearnPlan, VersionPlan
from jobs import profiles
from operators.monitoring.state import Key
from schemas import profile as schema
from schemas.errors import ProfileError
from tests.operators import decoding

MADE = decoding.profile()


def model(folder: Path):
    return decoding.model(
        learn=LearnPlan(records=100, save=f"{folder}/learned/{{model}}-{{version}}.json"),
        versions={"4": VersionPlan(role="shadow")},
    )


@pytest.mark.parametrize(
    ("version", "role", "name"),
    [
        ("3", "champion", "churn-3.json"),
        ("4", "shadow", "churn-4.json"),
        ("4", "champion", "churn-4-champion.json"),
        ("3", "challenger", "churn-3-challenger.json"),
        ("v 1.2-ä", "champion", "churn-v 1.2-ä.json"),
        ("../../x\n%", "champion", "churn-..%2F..%2Fx%0A%25.json"),
        ("..", "champion", "churn-...json"),
        ("ö" * 200, "champion", f"churn-{'ö' * 25}-f4966f2104fc8f93.json"),
    ],
)
def test_where_a_copy_belongs(tmp_path, version, role, name):
    """In the folder that the configuration names, whatever the stream calls its versions."""
    profiles.save(model(tmp_path), Key("churn", version, role, "all"), MADE)
    assert [path.name for path in (tmp_path / "learned").iterdir()] == [name]
    assert schema.decode((tmp_path / "learned" / name).read_bytes()) == MADE


def test_segments_have_no_file(tmp_path):
    """Their references stand in the job's state alone."""
    profiles.save(model(tmp_path), Key("churn", "3", "champion", "country=DE"), MADE)
    assert not (tmp_path / "learned").exists()


def test_the_same_again_is_the_same_file(tmp_path):
    """As after a crash; another one takes its place."""
    path = str(tmp_path / "a" / "b.json")
    profiles.write(path, MADE)
    profiles.write(path, MADE)
    assert schema.decode((tmp_path / "a" / "b.json").read_bytes()) == MADE
    other = msgspec.structs.replace(MADE, version="4")
    profiles.write(path, other)
    assert [schema.decode(one.read_bytes()) for one in (tmp_path / "a").iterdir()] == [other]


@pytest.mark.skipif(sys.platform == "win32", reason="another message")
def test_it_cannot_be_written(tmp_path):
    """It says why; the folder is tried before a job starts."""
    (tmp_path / "learned").write_text("a file")
    with pytest.raises(ProfileError) as raised:
        profiles.check(model(tmp_path))
    path = f"{tmp_path}/learned/{{model}}-{{version}}.json"
    assert str(raised.value) == f"profile {path}: cannot be written (file exists)"
    with pytest.raises(ProfileError, match=r"churn-3\.json: cannot be written \(file exists\)"):
        profiles.save(model(tmp_path), Key("churn", "3", "champion", "all"), MADE)
    with pytest.raises(ProfileError, match=r"nowhere://a/b\.json: cannot be written \(Protocol not known: nowhere\)"):
        profiles.write("nowhere://a/b.json", MADE)


def test_the_folder_is_made(tmp_path):
    """Of models that learn."""
    profiles.check(decoding.model())
    profiles.check(model(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["learned"]
