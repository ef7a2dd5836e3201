"""`tidemark schema`: whole output and exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import schema as configuration
from schemas import export
from tidemark import cli

NAMES = ["configuration", "records", "labels", "events", "summaries", "dead-letters", "control", "asyncapi"]
CHECKED_IN = Path(__file__).parents[3] / "docs" / "schemas"


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_printed(name, capsys):
    """It is the one that is checked in, and nothing else is said."""
    assert cli.main(["schema", name]) == 0
    assert capsys.readouterr() == ((CHECKED_IN / f"{name}.json").read_text(), "")


def test_all_documents_are_written_into_a_folder(tmp_path, capsys):
    """The folder is made; the files are named."""
    folder = tmp_path / "a" / "b"
    assert cli.main(["schema", "-o", str(folder)]) == 0
    assert capsys.readouterr() == ("".join(f"{folder / name}.json\n" for name in NAMES), "")
    assert {file.stem: file.read_text() for file in folder.iterdir()} == {
        name: (CHECKED_IN / f"{name}.json").read_text() for name in NAMES
    }


def test_one_document_is_written_into_a_folder(tmp_path, capsys):
    """For an editor, for example."""
    assert cli.main(["schema", "configuration", "-o", str(tmp_path)]) == 0
    assert capsys.readouterr() == (f"{tmp_path / 'configuration.json'}\n", "")
    assert (tmp_path / "configuration.json").read_text() == export.text(configuration.schema())


def test_no_name_and_no_folder_is_wrong_usage(capsys):
    """The message has the names."""
    assert cli.main(["schema"]) == 2
    assert capsys.readouterr() == (
        "",
        "tidemark schema: nothing to print; name one of configuration, records, labels, events, summaries, "
        "dead-letters, control, asyncapi, or give a folder with -o\n",
    )


def test_an_unknown_name_is_wrong_usage(capsys):
    """As for every command."""
    assert cli.main(["schema", "event"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "'event' is not one of 'configuration', 'records'" in err
