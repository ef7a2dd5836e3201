import pytest

TEXT = """\
job: {name: "%s"}
sources: {predictions: {topic: t}}
kafka: {bootstrap: "a:1", security: {protocol: SASL_SSL, mechanism: PLAIN, username: "${USER}", password: "%s"}}
models: {m: {features: {a: numeric}}}
"""
ENVIRONMENT = {"USER": "me", "PASSWORD": "hunter2", "NAME": "churn", "EMPTY": "", "ODD": "a: b # ${NAME} '\""}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("${NAME}", "churn"),
        ("${NAME}-${USER}", "churn-me"),
        ("${NONE:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${NAME:-other}", "churn"),
        ("x${EMPTY}", "x"),
        ("x${NONE:-}", "x"),
        ("${NONE:-a:b-c}", "a:b-c"),
        ("$${NAME}", "${NAME}"),
        ("$NAME $5 {x}", "$NAME $5 {x}"),
        ("${ODD}", "a: b # ${NAME} '\\\""),
    ],
)
def test_references_are_replaced(name, expected, loaded):
    """By the variable or its default; what is put in is text, and is not looked at again."""
    assert loaded(TEXT % (name, "${PASSWORD}"), ENVIRONMENT).plan.job.name == expected.replace("\\", "")


FORMS = "(${NAME}, ${NAME:-default} or ${file:/path}); write '$${' for a plain '${'"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("${NONE}", "environment variable 'NONE' is not set; set it or give a default ('${NONE:-...}')"),
        ("${}", f"'${{}}' is not a reference {FORMS}"),
        ("${1A}", f"'${{1A}}' is not a reference {FORMS}"),
        ("${NAME-x}", f"'${{NAME-x}}' is not a reference {FORMS}"),
        ("${NAME", f"'${{NAME' is not a reference {FORMS}"),
        ("a ${ b", f"'${{ b' is not a reference {FORMS}"),
    ],
)
def test_references_that_stand_for_nothing(name, message, problems):
    """One line, with nothing about what would have been there."""
    assert problems(TEXT % (name, "${PASSWORD}"), ENVIRONMENT) == [f"c.yaml:1:7: job.name: {message}"]


def test_a_secret_comes_from_a_file(loaded, tmp_path):
    """Relative to the configuration, without the line's end."""
    (tmp_path / "secret").write_text("hunter2\n")
    kafka = loaded(TEXT % ("x", "${file:secret}"), ENVIRONMENT).kafka
    assert kafka.client_settings()["sasl.password"] == "hunter2"


def test_secret_files_that_cannot_be_read(problems, tmp_path):
    """Missing, not text, and without an end."""
    (tmp_path / "binary").write_bytes(b"\xff")

    def message(name: str) -> list[str]:
        return problems(TEXT % ("x", f"${{file:{name}}}"), ENVIRONMENT)

    where = "c.yaml:3:97: kafka.security.password"
    assert message("none") == [f"{where}: file '{tmp_path / 'none'}' cannot be read (No such file or directory)"]
    assert message("binary") == [f"{where}: file '{tmp_path / 'binary'}' is not UTF-8 text"]
    assert message("/dev/zero") == [f"{where}: file '/dev/zero' is too large (at most 1 MB)"]


@pytest.mark.parametrize("name", ["${PASSWORD}", "x-${PASSWORD:-y}", "${file:secret}"])
def test_a_secret_where_it_would_be_seen(name, problems, tmp_path):
    """A password's variable and any file are for the connection only; the message does not tell them either."""
    (tmp_path / "secret").write_text("hunter2")
    assert problems(TEXT % (name, "${PASSWORD}"), ENVIRONMENT) == [
        f"c.yaml:1:7: job.name: '{name}' is a secret and would be seen in events and logs "
        "(secrets are for kafka.security, actions and store)"
    ]


def test_a_secret_for_the_models_of_an_action(problems):
    """An action may hold secrets, but which models it is for is told in messages."""
    action = 'actions: [{on: [io.tidemark.drift.opened], models: ["${PASSWORD}"], http: {url: "${PASSWORD}"}}]\n'
    assert problems(TEXT % ("x", "${PASSWORD}") + action, ENVIRONMENT) == [
        "c.yaml:5:53: actions[0].models[0]: '${PASSWORD}' is a secret and would be seen in events and logs "
        "(secrets are for kafka.security, actions and store)"
    ]


def test_messages_quote_the_file_and_not_what_was_put_in(problems):
    """Whatever is wrong with a value, its variable is named and its content is not."""
    text = """\
sources: {predictions: {path: a.csv, start: "${X}", out_of_orderness: "${X}", format: "${X}", kind: "${X}"}}
models: {m: {disclose: "${X}", correlation: "${X}", alarms: {budget: "${X}"}, window: "${X}", features: {a: "${X}"}}}
kafka: {bootstrap: "${X}"}
"""
    lines = problems(text, {"X": "hunter2"})
    assert len(lines) == 10
    assert not any("hunter2" in line for line in lines)
    assert all("'${X}'" in line for line in lines)
