"""What `push` takes for a message."""

from pathlib import Path

import pytest

from tests.cli.command import Place


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"a": }', "the argument:1:7: not JSON: Expecting value"),
        ("{\n  'a': 1}", "the argument:2:3: not JSON: Expecting property name enclosed in double quotes"),
        ("NaN", "the argument is not JSON: NaN is no JSON value"),
        ("", "the argument:1:1: not JSON: Expecting value"),
    ],
)
def test_what_is_not_json_is_not_sent(place: Place, text: str, complaint: str) -> None:
    ran = place.run("push", "deliver", "acme.system.action", text)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {complaint}\n")


def test_a_file_is_named_in_the_complaint(place: Place, tmp_path: Path) -> None:
    (tmp_path / "action.json").write_text('{"a": 1,}')
    ran = place.run("push", "deliver", "k", "--file", "action.json")
    assert ran.code == 2
    assert ran.err.startswith("error: action.json:1:")


def test_stdin_is_read_where_nothing_else_is_given(place: Place) -> None:
    for arguments in ((), ("--file", "-")):
        assert place.run("push", "deliver", "k", *arguments, stdin="[").err.startswith(
            "error: stdin:1:2: not JSON: "
        )


def test_a_missing_file(place: Place) -> None:
    ran = place.run("push", "deliver", "k", "--file", "none.json")
    assert (ran.code, ran.err) == (2, "error: cannot read none.json: No such file or directory\n")


def test_given_twice(place: Place) -> None:
    ran = place.run("push", "deliver", "k", "{}", "--file", "x")
    assert (ran.code, ran.err) == (2, "error: the message is given twice: as an argument and with --file\n")


def test_a_definitions_file_takes_no_messages(place: Place) -> None:
    ran = place.run("push", "deliver", "k", "{}")
    assert ran.code != 0
    assert ran.err.startswith("error: ")
    assert "bug" not in ran.err
