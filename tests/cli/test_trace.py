"""`trace`: where a message goes, in words and for programs."""

import json
from typing import Any, Final

import jsonschema
import pytest

from proca_topo.render.trace_json import trace_schema
from tests.cli.command import Place

SPEC: Final = """\
topology: 1
vhost: proca
owns: ["*"]
exchanges:
  in: {type: topic, alternate: lost}
  lost: {type: fanout}
  copies: {type: fanout, bindings: [{exchange: in, key: "a.#"}]}
  by-header: {type: headers, bindings: [{exchange: in, key: "h"}]}
  odd: {type: x-random, bindings: [{exchange: in, key: "odd"}]}
  inner: {type: fanout, internal: true}
retry:
  work: {delay: 90s, fail: failed, wait: waiting, return: again}
queues:
  work: {bindings: [{exchange: in, key: "a.*"}], retry: work}
  copy: {bindings: [{exchange: copies}], max-length: 10}
  full: {bindings: [{exchange: copies}, {exchange: in, key: limited}], overflow: reject-publish}
  lost: {bindings: [{exchange: lost}]}
  pdf: {bindings: [{exchange: by-header, arguments: {x-match: all, type: pdf, pages: 3}}]}
"""


@pytest.fixture
def spec(place: Place) -> Place:
    (place.path / "topology.yaml").write_text(SPEC)
    (place.path / "orgs" / "acme.yaml").unlink()
    return place


def test_all_the_way_of_a_message_that_is_rejected(spec: Place) -> None:
    ran = spec.run("trace", "in", "a.b", "--reject")
    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out
        == """\
exchange in (topic), key a.b
  [a.#] -> exchange copies (fanout), key a.b
    [] -> queue copy
      rejected: it is dropped, there is no dead-letter exchange
    [] -> queue full
      rejected: it is dropped, there is no dead-letter exchange
  [a.*] -> queue work
    rejected -> exchange failed (topic), key work
      [#] -> queue waiting
        expires after 90s -> exchange again (topic), key work
          [work] -> queue work: back again

Reaches copy, full, work. In the end it is in work.
"""
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("in", "a.b"), "Reaches copy, full, work."),
        (("in", "x"), "  not routed -> exchange lost (fanout), key x"),
        (
            ("in", "odd"),
            "  [odd] -> exchange odd (x-random, unknown type: where it goes cannot be known), key odd",
        ),
        (
            ("in", "h", "--header", "type=pdf", "--header", "pages:=3"),
            "    [] pages=3, type=pdf, x-match=all -> queue pdf",
        ),
        (("copies", "x", "--header", 'CC:=["y"]', "--header", 'BCC:=["z"]'), "Reaches copy, full."),
        (("in", "x", "--header", 'CC:=["limited"]'), "exchange in (topic), key x, also limited"),
        (("in", "x", "--header", 'CC:=["limited"]'), "Reaches full."),
        (("in", "h", "--header", "type=pdf", "--header", "pages=3"), "    nothing is bound for it: it is dropped"),
        (("", "copy"), "exchange the default exchange (direct), key copy"),
        (
            ("in", "a.b", "--overflow"),
            "      pushed out of the full queue: it is refused, the publisher gets a nack",
        ),
        (("failed", "work", "--expire"), "    expires after 90s -> exchange again (topic), key work"),
        (("amq.topic", "x"), "Reaches nothing."),
    ],
)
def test_a_line_of_it(spec: Place, arguments: tuple[str, ...], line: str) -> None:
    assert line in spec.run("trace", *arguments).out.splitlines()


@pytest.mark.parametrize(
    ("key", "summary"),
    [
        ("limited", "Reaches full. In the end it is refused: the publisher gets a nack."),
        ("a.b", "Reaches copy, full, work. In the end it is dropped, and refused by full."),
    ],
)
def test_what_is_refused_is_not_dropped(spec: Place, key: str, summary: str) -> None:
    assert spec.run("trace", "in", key, "--overflow").out.splitlines()[-1] == summary


def test_what_is_pushed_out_and_would_come_back_is_dropped(spec: Place) -> None:
    lines = spec.run("trace", "in", "a.b", "--overflow").out.splitlines()
    dropped = "it has been here before and was not rejected since, so RabbitMQ drops it"
    assert f"          [work] -> queue work: {dropped}" in lines


def test_what_depends_on_headers_that_rabbitmq_sets_by_its_version(spec: Place) -> None:
    (spec.path / "topology.yaml").write_text(
        """\
topology: 1
owns: ["*"]
exchanges: {dead: {type: headers}}
queues:
  work: {dead-letter: {exchange: dead}}
  told: {bindings: [{exchange: dead, arguments: {x-match: any-with-x, x-last-death-queue: work}}]}
"""
    )
    ran = spec.run("trace", "", "work", "--reject")
    assert (
        ran.out
        == """\
exchange the default exchange (direct), key work
  [work] -> queue work
    rejected -> exchange dead (headers, asks for headers that RabbitMQ sets by its version: where it goes cannot be known), key work

Reaches work. What dead passes on cannot be known.
"""  # noqa: E501
    )


def test_what_stays_as_a_dead_letter(spec: Place) -> None:
    (spec.path / "topology.yaml").write_text(
        """\
topology: 1
owns: ["*"]
exchanges: {dead: {type: topic}}
policies: {safe: {pattern: work, definition: {dead-letter-strategy: at-least-once, overflow: reject-publish}}}
queues:
  work: {type: quorum, dead-letter: {exchange: dead}}
"""
    )
    ran = spec.run("trace", "", "work", "--reject")
    assert (
        ran.out
        == """\
exchange the default exchange (direct), key work
  [work] -> queue work
    rejected -> exchange dead (topic), key work
      nothing is bound for it: it stays in queue work until there is a way

Reaches work.
"""
    )
    document: Any = spec.run("trace", "", "work", "--reject", "--format", "json").document()
    jsonschema.validate(document, trace_schema())
    assert document["ends"] == ["work"]
    assert [path["end"] for path in document["paths"]] == ["kept"]


@pytest.mark.parametrize("count", [8, 12])
def test_what_expires_into_everything_is_not_told_without_end(spec: Place, count: int) -> None:
    names = [f"q{number:02}" for number in range(count)]
    queue = "{ttl: 1s, dead-letter: {exchange: all}, bindings: [{exchange: all}]}"
    queues = "".join(f"  {name}: {queue}\n" for name in names)
    (spec.path / "topology.yaml").write_text(
        f'topology: 1\nowns: ["*"]\nexchanges: {{all: {{type: fanout}}}}\nqueues:\n{queues}'
    )
    ran = spec.run("trace", "all", "x", "--expire")
    ends = "In the end it is dropped." if count == 8 else "There are too many ways on to follow them all."
    assert " ".join(ran.out.split()).endswith(f"{names[-1]}. {ends}")
    document: Any = spec.run("trace", "all", "x", "--expire", "--format", "json").document()
    jsonschema.validate(document, trace_schema())
    assert (document["queues"], len(document["paths"]), document["more_paths"]) == (names, 1000, True)
    assert len(ran.out.splitlines()) < 520
    assert "more lines\n" in ran.out


def test_that_it_reaches_nothing_is_an_exit_code(spec: Place) -> None:
    assert spec.run("trace", "in", "x").code == 0
    assert spec.run("trace", "copies", "x").code == 0
    assert spec.run("trace", "again", "nobody").code == 1


def test_json_has_the_queues_the_ends_and_every_path(spec: Place) -> None:
    document: Any = spec.run("trace", "in", "a.b", "--reject", "--format", "json").document()
    jsonschema.validate(document, trace_schema())
    assert document["queues"] == ["copy", "full", "work"]
    assert document["ends"] == ["work"]
    [path] = [path for path in document["paths"] if path["end"] == "back"]
    assert [step["name"] for step in path["steps"]] == [
        "in",
        "work",
        "work",
        "failed",
        "waiting",
        "waiting",
        "again",
        "work",
    ]
    assert [step["delay"] for step in path["steps"] if step["fate"] == "expired"] == [90000]


def test_by_a_definitions_file_with_a_queue_that_the_server_has_named(spec: Place) -> None:
    definitions = {
        "vhosts": [{"name": "proca"}],
        "queues": [{"name": "amq.gen-x", "vhost": "proca", "durable": True}],
    }
    (spec.path / "definitions.json").write_text(json.dumps(definitions))
    ran = spec.run("trace", "--live", "--broker", "definitions.json", "", "amq.gen-x")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Reaches amq.gen-x.")


def test_by_a_definitions_file_that_is_the_broker(spec: Place) -> None:
    exported = spec.run("export").out
    (spec.path / "definitions.json").write_text(exported)
    (spec.path / "topology.yaml").write_text("topology: 1\nvhost: proca\nowns: []\n")
    ran = spec.run("trace", "--live", "--broker", "definitions.json", "in", "a.b", "--reject")
    assert ran.out.endswith("Reaches copy, full, work. In the end it is in work.\n")
    assert json.loads(exported)["vhosts"] == [{"name": "proca"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("inn", "a"), "there is no exchange inn; did you mean in?"),
        (("in", "é" * 128), f"the routing key is 256 bytes long, and AMQP takes 255 at most: {'é' * 40}…"),
        (("in", "a\udcff"), 'the routing key is not UTF-8: "a\\udcff"'),
        (("i\udcff", "a"), 'the exchange\'s name is not UTF-8: "i\\udcff"'),
        (("inner", "a"), "exchange inner is internal: RabbitMQ lets no client publish to it"),
        (("in", "a", "--reject", "--expire"), "--reject, --expire and --overflow: give one of them"),
        (("in", "a", "--header", "type"), "--header type: write K=V, or K:=JSON for a number"),
        (
            ("in", "a", "--header", "CC=b"),
            """--header CC: RabbitMQ takes a list of keys only, such as CC:='["a.b"]'""",
        ),
        (("in", "a", "--header", "n:=x"), "--header n:=x: x is no JSON; for text write K=V"),
    ],
)
def test_what_cannot_be_traced(spec: Place, arguments: tuple[str, ...], message: str) -> None:
    ran = spec.run("trace", *arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\n")
