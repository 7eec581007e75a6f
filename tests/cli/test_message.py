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
        ("", "the argument is empty: a message is one JSON value, if only {}"),
        (" \n", "the argument is empty: a message is one JSON value, if only {}"),
        ("[" * 100_000, "the argument is nested too deeply to be read as JSON"),
    ],
)
def test_what_is_not_json_is_not_sent(place: Place, text: str, complaint: str) -> None:
    ran = place.run("push", "deliver", "acme.system.action", text)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {complaint}\n")


@pytest.mark.parametrize(
    ("exchange", "key", "complaint"),
    [
        ("deliver", "k" * 256, "the routing key is 256 bytes long, and AMQP takes 255 at most: kkk"),
        ("deliver", "é" * 128, "the routing key is 256 bytes long, and AMQP takes 255 at most: ééé"),
        ("x" * 300, "k", "the exchange's name is 300 bytes long, and AMQP takes 255 at most: xxx"),
        ("deliver", "\udcff", 'the routing key is not UTF-8: "\\udcff"'),
    ],
)
def test_a_name_that_amqp_cannot_carry_is_wrong_usage(
    place: Place, exchange: str, key: str, complaint: str
) -> None:
    ran = place.run("push", exchange, key, "{}", PROCA_TOPO_BROKER="http://127.0.0.1:9")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {complaint}")
    assert len(ran.err.splitlines()) == 1
    assert len(ran.err) < 150


def test_the_longest_name_is_no_wrong_usage(place: Place) -> None:
    assert place.run("push", "deliver", "k" * 255, "{}", PROCA_TOPO_BROKER="http://127.0.0.1:9").code == 1


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


@pytest.mark.parametrize("surroundings", [{}, {"PROCA_TOPO_AMQP": "amqp://127.0.0.1:9"}])
def test_a_definitions_file_takes_no_messages(place: Place, surroundings: dict[str, str]) -> None:
    """Nor does the broker whose AMQP port the environment names: the file is the broker."""
    ran = place.run("push", "deliver", "k", "{}", **surroundings)
    complaint = "error: broker.json is a definitions file, which takes no messages: name a broker\n"
    assert (ran.code, ran.err) == (2, complaint)
