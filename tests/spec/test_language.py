"""What can be said in topology.yaml apart from queues' settings."""

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Exchange, Kind, Policy, Queue
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


def test_the_queues_in_which_circuits_wait_are_told() -> None:
    """Those of the circuits that all orgs share also where single orgs are loaded."""
    spec = """
topology: 1
owns: ["s.*", "{org}.*"]
retry: {all: {delay: 1s, fail: s.fail, wait: s.wait, return: s.return}}
org: {retry: {own: {delay: 1s, fail: "{org}.fail", wait: "{org}.wait", return: "{org}.return"}}}
"""
    assert desired_of(spec, {"acme": "", "beta": ""}).waiting == {"s.wait", "acme.wait", "beta.wait"}
    assert desired_of(spec, {"acme": "", "beta": ""}, scope=["acme"]).waiting == {"s.wait", "acme.wait"}


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


def test_no_template_and_no_orgs() -> None:
    assert desired_of("topology: 1\nowns: []\n").queues == {}


def test_a_spec_can_be_for_one_cluster() -> None:
    assert desired_of("topology: 1\nowns: []\ncluster: rabbit@one\n").cluster == "rabbit@one"
    assert desired_of("topology: 1\nowns: []\n").cluster is None
