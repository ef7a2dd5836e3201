import hashlib
import shutil

import pytest

from jobs import jars
from schemas.errors import SetupError

CONTENT = b"a jar"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """One pinned jar, an empty cache, and a Maven repository in which tests say what is there."""
    pins = tmp_path / "jars.sha256"
    pins.write_text(f"# comment\njob {hashlib.sha256(CONTENT).hexdigest()} org.example:thing:1.0\n")
    monkeypatch.setattr(jars, "PINS", pins)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def serve(content):
        def resolve(artifact):
            if isinstance(content, Exception):
                raise content
            path = artifact.context.repo_cache / "thing-1.0.jar"
            path.write_bytes(content)
            return path

        monkeypatch.setattr("jgo.maven._core.Artifact.resolve", resolve)

    return serve


def test_fetched_once(repository, tmp_path):
    """A jar is fetched with a word about it, and found in the cache the next time without one."""
    told = []
    repository(CONTENT)
    path = jars.kafka_connector(told.append)
    assert (path, path.read_bytes()) == (tmp_path / "cache" / "tidemark" / "jars" / "thing-1.0.jar", CONTENT)
    repository(OSError("no network"))
    assert jars.kafka_connector(told.append) == path
    assert told == ["fetching 1 jar, once"]
    assert [entry.name for entry in path.parent.iterdir()] == ["thing-1.0.jar"]


def test_damaged_in_cache(repository):
    """A cached jar that is not what was pinned is fetched again, never used."""
    repository(CONTENT)
    path = jars.kafka_connector()
    path.write_bytes(b"half a")
    assert jars.kafka_connector().read_bytes() == CONTENT


def test_other_content(repository, tmp_path):
    """A download with another hash is refused and leaves nothing behind."""
    repository(b"something else")
    with pytest.raises(SetupError) as error:
        jars.kafka_connector()
    assert str(error.value) == (
        f"jar org.example:thing:1.0: SHA-256 of the download is {hashlib.sha256(b'something else').hexdigest()} "
        f"(pinned: {hashlib.sha256(CONTENT).hexdigest()}); "
        "the repository or the way to it altered the file, so it is not used; try another network"
    )
    assert list((tmp_path / "cache" / "tidemark" / "jars").iterdir()) == []


def test_unreachable(repository, tmp_path):
    """Without the network one line says which jar, why, and where it could be put by hand."""
    repository(ConnectionError("refused"))
    with pytest.raises(SetupError) as error:
        jars.kafka_connector()
    assert str(error.value) == (
        "jar org.example:thing:1.0: could not be fetched from the Maven repository (ConnectionError); check the "
        f"network, or put the file at {tmp_path / 'cache' / 'tidemark' / 'jars' / 'thing-1.0.jar'}"
    )


def test_put_by_hand(repository, tmp_path):
    """A jar that somebody put into the cache is used without any download."""
    repository(OSError("no network"))
    source = tmp_path / "downloaded"
    source.write_bytes(CONTENT)
    place = jars.pinned("job")[0].path
    place.parent.mkdir(parents=True)
    shutil.copy(source, place)
    assert jars.kafka_connector() == place


def test_every_pin_is_complete():
    """Each pinned jar has a use, a whole SHA-256 and a coordinate of three parts, and there is one of each."""
    pinned = jars.pinned("job") + jars.pinned("broker")
    assert len(pinned) == 47
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and jar.coordinate.count(":") == 2 for jar in pinned)
    assert len({jar.path for jar in pinned}) == len(pinned)
