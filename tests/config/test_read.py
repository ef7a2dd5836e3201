from pathlib import Path

import pytest

from config.read import FILE_LIMIT, read


def lines(path: Path) -> list[str]:
    return [f"{problem.mark}: {problem.message}" for problem in read(path, "c.yaml")[1]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ["c.yaml:1:1: is empty; 'tidemark init --from DATA -o FILE' writes a configuration from data"]),
        (
            b"# nothing\n",
            ["c.yaml:1:1: is empty; 'tidemark init --from DATA -o FILE' writes a configuration from data"],
        ),
        (b"- a", ["c.yaml:1:1: is not a mapping at its top (sources:, models: and so on)"]),
        (b"a: [\nb: }", ["c.yaml:2:4: is not YAML: expected the node content, but found '}'"]),
        (b"a: 1\n\tb: 2", ["c.yaml:2:1: is not YAML: found character '\\t' that cannot start any token"]),
        (
            b"a: 1\n---\nb: 2",
            ["c.yaml:2:1: is not YAML: expected a single document in the stream but found another document"],
        ),
        (
            b"a: {b: ${C}}",
            [
                "c.yaml:1:9: is not YAML: expected ',' or '}', but got '{'; within {} and [] a reference needs quotes, "
                'as in "${NAME}"'
            ],
        ),
        (b"a: *b", ["c.yaml:1:4: is not YAML: found undefined alias 'b'"]),
        (b"a: &a [*a]", ["c.yaml:1:4: is an alias within what it stands for"]),
        (b"a: 1\nb: \xff", ["c.yaml:2:4: is not UTF-8 text (byte 9)"]),
        (b"a: \x01", ["c.yaml:1:1: has a character that YAML does not allow (#x01)"]),
        (b"[" * 2_000, ["c.yaml:1:1: is nested too deeply"]),
        (b"a: {b: 1, c: 2,\n b: 3}", ["c.yaml:2:2: 'b' is given twice (first in line 1)"]),
        (b"a: 1\n? [x]\n: 2", ["c.yaml:2:3: a key is a text, not a list or a mapping"]),
        (
            b"a: !!python/object:os.system x\nb: !mine y",
            [
                "c.yaml:1:4: 'tag:yaml.org,2002:python/object:os.system' is not a tag that a configuration has; "
                "take it away",
                "c.yaml:2:4: '!mine' is not a tag that a configuration has; take it away",
            ],
        ),
        (b"a:\n  <<: 5", ["c.yaml:2:3: '<<' takes a mapping or a list of mappings"]),
        (
            b"".join(
                b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9) if i else b"x") for i in range(9)
            ),
            ["c.yaml:1:1: has more than 100000 values (an alias counts each time it is used)"],
        ),
    ],
)
def test_what_is_no_configuration_at_all(content, expected, tmp_path):
    """Each has one line with its place."""
    (tmp_path / "c.yaml").write_bytes(content)
    assert lines(tmp_path / "c.yaml") == expected


def test_files_that_cannot_be_read(tmp_path):
    """Missing files, folders, and data given by mistake."""
    (tmp_path / "large.yaml").write_bytes(b"#" * (FILE_LIMIT + 1))
    assert lines(tmp_path / "none.yaml") == [
        "c.yaml:1:1: no such file; 'tidemark init --from DATA -o FILE' writes a first one"
    ]
    assert lines(tmp_path) == ["c.yaml:1:1: cannot be read (Is a directory)"]
    assert lines(tmp_path / "large.yaml") == ["c.yaml:1:1: is larger than 1 MB; is it a configuration?"]


def test_texts_stay_as_they_are_written(tmp_path):
    """YAML's own ideas about yes, NO, 1.10, 1:30 and dates do not count."""
    (tmp_path / "c.yaml").write_text("a: [yes, NO, 1.10, 1:30, 2026-01-01, 0x1F, ~, '~', 007]\nyes: {1.0: x}\n")
    tree, problems = read(tmp_path / "c.yaml", "c.yaml")
    assert problems == []
    assert tree == {
        "a": ["yes", "NO", "1.10", "1:30", "2026-01-01", "0x1F", None, "~", "007"],
        "yes": {"1.0": "x"},
    }


def test_anchors_and_merge_keys(tmp_path):
    """An alias is what it stands for; own keys win over merged ones, and the first base over the next."""
    (tmp_path / "c.yaml").write_text(
        "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: *a, y: 5}\nd: {<<: [*a, *b]}\ne: *a\n"
    )
    tree, problems = read(tmp_path / "c.yaml", "c.yaml")
    assert problems == []
    assert (tree["c"], tree["d"], tree["e"]) == ({"x": "1", "y": "5"}, {"x": "1", "y": "2", "z": "4"}, tree["a"])
    assert tree["c"].marks["x"] == ("c.yaml", 1, 8)


def test_a_byte_order_mark_is_no_content(tmp_path):
    """Editors on some systems write one."""
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert read(tmp_path / "c.yaml", "c.yaml") == ({"a": "1"}, [])
