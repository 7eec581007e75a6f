"""What can be said in topology.yaml apart from queues' settings."""

import pytest

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, Exchange, Kind, Policy, Queue
from proca_topo.topology.ownership import IgnoredBinding
from tests.spec.nouns import bound, by_name, desired_of, exchange, linked, queue, retried


def test_exchanges_of_every_kind() -> None:
    desired = desired_of(
        """
topology: 1
owns: ["in.*", rest]
exchanges:
  in.hash: {type: x-consistent-hash, arguments: {hash-header: id}, alternate: rest}
  in.secret: {type: direct, internal: true, durable: false, auto-delete: true}
  rest:
    type: fanout
    bindings:
      - {exchange: in.hash, key: "1"}
      - {exchange: amq.topic, key: "rest.#"}
"""
    )
    assert desired.exchanges == by_name(
        exchange("in.hash", "x-consistent-hash", **{"hash-header": "id", "alternate-exchange": "rest"}),
        Exchange(name="in.secret", type="direct", internal=True, durable=False, auto_delete=True),
        exchange("rest", "fanout"),
    )
    assert desired.bindings == {linked("in.hash", "1", "rest"), linked("amq.topic", "rest.#", "rest")}
    assert desired.vhost is None


def test_bindings_of_headers_exchanges_and_free_bindings() -> None:
    desired = desired_of(
        """
topology: 1
owns: [h, a, x]
exchanges:
  h: {type: headers}
  x: {type: topic}
queues:
  a: {bindings: [{exchange: h, arguments: {x-match: any, kind: share, n: 3}}]}
bindings:
  - {queue: a, exchange: x, key: "#"}
  - {to-exchange: x, exchange: amq.fanout}
"""
    )
    assert desired.bindings == {
        bound("h", "", "a", **{"x-match": "any", "kind": "share", "n": 3}),
        bound("x", "#", "a"),
        linked("amq.fanout", "", "x"),
    }


def test_somebody_elses_exchange_can_be_a_source() -> None:
    desired = desired_of("topology: 1\nowns: [a]\nqueues:\n  a: {bindings: [{exchange: billing, key: paid}]}\n")
    assert desired.bindings == {bound("billing", "paid", "a")}
    assert desired.exchanges == {}


def test_circuits_that_share_their_exchanges() -> None:
    desired = desired_of(
        """
topology: 1
owns: ["r.*", a, b]
retry:
  soon: {delay: 5s, fail: r.fail, wait: r.soon, return: r.back, key: a, type: quorum}
  late: {delay: 1h, by: policy, fail: r.fail, wait: r.late, return: r.back, key: b}
queues:
  a: {retry: soon}
  b: {retry: late, ttl: 1d}
"""
    )
    assert desired.exchanges == by_name(exchange("r.fail"), exchange("r.back"))
    assert desired.queues == by_name(
        Queue(
            name="r.soon",
            type="quorum",
            arguments=Arguments.of({"x-message-ttl": 5000, "x-dead-letter-exchange": "r.back"}),
        ),
        queue("r.late", {"x-dead-letter-exchange": "r.back"}),
        retried("a", "r.fail"),
        queue(
            "b",
            {"x-message-ttl": 86_400_000, "x-dead-letter-exchange": "r.fail", "x-dead-letter-routing-key": "b"},
        ),
    )
    assert desired.bindings == {
        bound("r.fail", "a", "r.soon"),
        bound("r.fail", "b", "r.late"),
        bound("r.back", "a", "a"),
        bound("r.back", "b", "b"),
    }
    delay = Arguments.of({"message-ttl": 3_600_000})
    assert desired.policies == by_name(
        Policy(name="r.late", pattern=r"^r\.late$", apply_to="queues", definition=delay)
    )


def test_policies_in_rabbitmqs_own_words() -> None:
    desired = desired_of(
        """
topology: 1
owns: [p, "{org}.limits"]
policies:
  p: {pattern: "^a{2,3}$", apply-to: classic_queues, priority: 7, definition: {message-ttl: 30s, max-length: 5}}
org:
  policies:
    "{org}.limits": {pattern: "^{org}\\\\.[a-z]{1,9}$", definition: {expires: 1h}}
""",
        {"ac-me": ""},
    )
    assert desired.policies == by_name(
        Policy(
            name="p",
            pattern="^a{2,3}$",
            apply_to="classic_queues",
            priority=7,
            definition=Arguments.of({"message-ttl": 30_000, "max-length": 5}),
        ),
        Policy(
            name="ac-me.limits",
            pattern=r"^ac-me\.[a-z]{1,9}$",
            definition=Arguments.of({"expires": 3_600_000}),
        ),
    )
    assert desired.orgs[Kind.POLICY] == {"ac-me.limits": "ac-me"}


def test_a_value_in_a_policys_pattern_matches_only_itself() -> None:
    desired = desired_of(
        """
topology: 1
owns: ["{host}.p"]
org:
  vars: {host: "[a-z.]+"}
  policies: {"{host}.p": {pattern: "^{host}$", definition: {max-length: 1}}}
""",
        {"acme": "vars: {host: a.b}"},
    )
    assert desired.policies["a.b.p"].pattern == r"^a\.b$"


def test_placeholders_in_names_keys_and_arguments_and_braces_that_are_none() -> None:
    desired = desired_of(
        """
topology: 1
owns: ["q.{id}.{org}", "braces{{}}"]
queues:
  "braces{{}}": {}
org:
  vars: {id: "[0-9]+", note: ".*."}
  queues:
    "q.{id}.{org}":
      arguments: {x-note: "{note} {{literally}}", x-deep: [{of: "{org}"}], "x-{org}": 1}
      bindings: [{exchange: amq.headers, key: "{id}.{id}", arguments: {org: "{org}"}}]
""",
        {"acme": 'vars: {id: 42, note: "a \\"b\\" \\\\ {c}"}'},
    )
    assert desired.queues == by_name(
        queue("braces{}"),
        queue(
            "q.42.acme",
            {"x-note": 'a "b" \\ {c} {literally}', "x-deep": [{"of": "acme"}], "x-{org}": 1},
        ),
    )
    assert desired.bindings == {bound("amq.headers", "42.42", "q.42.acme", org="acme")}


WHEN = """
topology: 1
owns: ["{org}.*", sqs]
queues: {sqs: {}}
org:
  options: {x: {}, q: {}, one: {}, two: {}, always: {default: true}}
  exchanges:
    "{org}.x": {type: topic, when: x}
    "{org}.y": {type: topic, when: [one, two], bindings: [{exchange: "{org}.x", key: e}]}
  retry:
    r: {delay: 1s, fail: "{org}.fail", wait: "{org}.wait", return: "{org}.return", when: [q, two]}
  queues:
    "{org}.q": {when: q, retry: r, bindings: [{exchange: "{org}.x", key: k}, {exchange: amq.topic, when: always}]}
  bindings:
    - {queue: "{org}.q", exchange: "{org}.y", key: f, when: one}
    - {queue: sqs, exchange: "{org}.y", key: s}
"""


@pytest.mark.parametrize(
    ("on", "names", "bindings"),
    [
        ("", "", []),
        ("x", "x", []),
        (
            "q",
            "q fail wait return",
            [
                bound("acme.fail", "#", "acme.wait"),
                bound("acme.return", "acme.q", "acme.q"),
                bound("amq.topic", "", "acme.q"),
            ],
        ),
        ("one", "y", [bound("acme.y", "s", "sqs")]),
        (
            "two x",
            "y x fail wait return",
            [bound("acme.y", "s", "sqs"), linked("acme.x", "e", "acme.y"), bound("acme.fail", "#", "acme.wait")],
        ),
        (
            "x q one two",
            "x y q fail wait return",
            [
                linked("acme.x", "e", "acme.y"),
                bound("acme.x", "k", "acme.q"),
                bound("amq.topic", "", "acme.q"),
                bound("acme.y", "f", "acme.q"),
                bound("acme.y", "s", "sqs"),
                bound("acme.fail", "#", "acme.wait"),
                bound("acme.return", "acme.q", "acme.q"),
            ],
        ),
    ],
)
def test_a_binding_is_there_if_it_and_both_its_ends_are(on: str, names: str, bindings: list[Binding]) -> None:
    options = ", ".join(f"{option}: true" for option in on.split())
    desired = desired_of(WHEN, {"acme": f"options: {{{options}}}"})
    assert {*desired.exchanges, *desired.queues} - {"sqs"} == {f"acme.{name}" for name in names.split()}
    assert desired.bindings == set(bindings)


def test_a_default_can_be_switched_off() -> None:
    desired = desired_of(WHEN, {"acme": "options: {q: true, always: false}"})
    assert bound("amq.topic", "", "acme.q") not in desired.bindings


def test_an_org_has_extra_queues_and_bindings_of_its_own() -> None:
    desired = desired_of(
        WHEN,
        {
            "acme": """
options: {two: true}
queues:
  "{org}.news": {retry: r, bindings: [{exchange: amq.topic, key: "{org}.news"}, {exchange: "{org}.x", key: "off"}]}
bindings:
  - {queue: sqs, exchange: "acme.y", key: "acme.extra"}
  - {queue: "acme.q", exchange: amq.topic, key: "off too"}
""",
            "beta": "",
        },
    )
    assert desired.queues["acme.news"] == retried("acme.news", "acme.fail")
    assert desired.orgs[Kind.QUEUE]["acme.news"] == "acme"
    assert desired.bindings == {
        bound("acme.y", "s", "sqs"),
        bound("acme.y", "acme.extra", "sqs"),
        bound("amq.topic", "acme.news", "acme.news"),
        bound("acme.return", "acme.news", "acme.news"),
        bound("acme.fail", "#", "acme.wait"),
    }


def test_ownership_and_what_is_ignored() -> None:
    ownership = desired_of(
        """
topology: 1
owns: ["system.*", "{org}.crm", "twin.{org}.{org}", "wrk.{id}"]
ignore: ["system.legacy.*", "{org}x.crm", {exchange: deliver, key: "#"}]
org: {vars: {id: "[0-9]+"}}
""",
        {"acme": "vars: {id: 1}", "beta": "vars: {id: 2}", "gamma": "vars: {id: 2}"},
    ).ownership
    assert ownership.owns_name("system.any.thing")
    assert not ownership.owns_name("system.legacy.one")
    assert not ownership.owns_name("acmex.crm")
    assert ownership.owns_name("twin.a1.a1")
    assert not ownership.owns_name("twin.a1.b2")
    assert ownership.ignored_bindings == {IgnoredBinding(source="deliver", routing_key="#")}
    assert not ownership.owns(bound("deliver", "#", "acme.crm"))
    assert ownership.orgs_by_value == {("id", "1"): "acme"}, "two orgs with one value: it tells nobody"


def test_no_template_and_no_orgs() -> None:
    assert desired_of("topology: 1\nowns: []\n").queues == {}


def test_a_spec_can_be_for_one_cluster() -> None:
    assert desired_of("topology: 1\nowns: []\ncluster: rabbit@one\n").cluster == "rabbit@one"
    assert desired_of("topology: 1\nowns: []\n").cluster is None


def test_what_is_protected_says_where_that_is_written() -> None:
    protected = desired_of(
        """
topology: 1
owns: ["s.*", "{org}.crm"]
protect:
  - s.pay*
  - "{org}.crm"
"""
    ).protected
    assert protected.reason(queue("s.payments")) == "protected by protect: s.pay* (topology.yaml:5:5)"
    assert protected.reason(exchange("acme.crm")) == "protected by protect: {org}.crm (topology.yaml:6:5)"
    assert protected.reason(bound("in", "#", "acme.crm")) == protected.reason(exchange("acme.crm"))
    assert protected.reason(bound("s.pay", "#", "other")) == protected.reason(queue("s.pay"))
    assert protected.reason(queue("s.email")) is None
    assert protected.reason(queue("a.b.crm")) is None
    assert not desired_of("topology: 1\nowns: []\n").protected
