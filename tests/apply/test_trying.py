"""What the spec alone tells of messages' ways is what RabbitMQ does with them."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proca_topo.apply.trying import Tried, try_on
from proca_topo.apply.watch import SILENT
from proca_topo.broker.address import address
from proca_topo.broker.trial.scratch import PREFIX, ScratchVhost
from proca_topo.contracts.checking import check
from proca_topo.contracts.verdicts import State, all_kept
from proca_topo.errors import BrokerError
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.ownership import OwnedPattern, Ownership
from proca_topo.topology.route_contracts import After, RouteContract
from proca_topo.topology.routing.matching import Message
from tests.brokers.fixtures import TestBroker
from tests.contracts.test_shipped import every_spec
from tests.spec.nouns import desired_of

pytestmark = pytest.mark.broker

ALL: Final = Ownership(patterns=(OwnedPattern(text="*", regex=".*"),))
EXCHANGES: Final = ("a", "b", "c")
QUEUES: Final = ("p", "q", "r", "s")
KEYS: Final = ("x", "x.y", "p", "q")
PATTERNS: Final = (*KEYS, "#", "x.*", "*", "")
HEADERS: Final[tuple[dict[str, list[str]], ...]] = ({}, {"CC": ["x.y", "r"], "BCC": ["s"]})
SECONDS: Final = 1000


def tried(broker: TestBroker, desired: Desired, orgs: Collection[str] | None = None) -> Tried:
    """In a vhost that is gone afterwards."""
    where = broker.address()
    scratch = ScratchVhost(where)
    try:
        scratch.create()
        return try_on(scratch, where, desired, orgs, SILENT)
    finally:
        scratch.remove()


def vhosts(broker: TestBroker) -> set[str]:
    with broker.http() as http:
        return {one["name"] for one in http.get("/api/vhosts").raise_for_status().json()}


@pytest.fixture
def none_left(broker_urls: TestBroker) -> Iterator[None]:
    """No vhost more than before."""
    before = vhosts(broker_urls)
    yield
    assert vhosts(broker_urls) <= before


@every_spec
@pytest.mark.usefixtures("none_left")
def test_the_shipped_contracts_are_kept_on_a_broker(directory: Path, broker_urls: TestBroker) -> None:
    found = tried(broker_urls, load_desired(read_topology(directory), with_routes=True))
    assert [one for one in found.verdicts if one.state is not State.KEPT] == []
    assert found.broker.version == broker_urls.version


@every_spec
def test_one_org_is_tried_with_what_all_share(directory: Path, broker_urls: TestBroker) -> None:
    desired = load_desired(read_topology(directory), with_routes=True)
    found = tried(broker_urls, desired, ["acme"])
    assert all_kept(found.verdicts)
    assert {one.contract.org for one in found.verdicts} <= {None, "acme"}
    assert len(found.verdicts) == len(desired.routes_of(["acme"]))


def test_broken_contracts_are_found(broker_urls: TestBroker) -> None:
    desired = desired_of(
        """
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {r: {delay: 1h, fail: fail, wait: wait, return: back}}
queues:
  q: {retry: r, bindings: [{exchange: in, key: a}]}
  p: {bindings: [{exchange: in, key: "#"}]}
routes:
  - {publish: {exchange: in, key: a}, reaches: [q]}
  - {publish: {exchange: in, key: b}, reaches: [q, p]}
  - {publish: {exchange: in, key: a}, after: rejected, reaches: [p]}
  - {publish: {exchange: fail, key: q}, after: expired, reaches: []}
""",
        with_routes=True,
    )
    found = [(one.missing, one.unexpected) for one in tried(broker_urls, desired).verdicts]
    assert found == [((), ("p",)), (("q",), ()), (("p",), ("q",)), ((), ("q",))]


def test_headers_a_stream_and_somebody_elses_exchange(broker_urls: TestBroker) -> None:
    desired = desired_of(
        """
topology: 1
owns: ["*"]
ignore: [billing]
exchanges: {h: {type: headers}}
queues:
  any: {bindings: [{exchange: h, arguments: {x-match: any, kind: share, n: 3}}, {exchange: billing, key: paid}]}
  all: {type: stream, bindings: [{exchange: h, arguments: {x-match: all, kind: share, n: 3}}]}
  dead: {}
  work: {dead-letter: {exchange: "", key: dead}, bindings: [{exchange: amq.topic, key: "w.#"}]}
routes:
  - {publish: {exchange: h, headers: {kind: share, n: 3}}, reaches: [any, all]}
  - {publish: {exchange: h, headers: {n: 3}}, reaches: [any]}
  - {publish: {exchange: h, headers: {kind: share, n: 3}}, after: rejected, reaches: [all]}
  - {publish: {exchange: amq.topic, key: w.w}, after: rejected, reaches: [dead]}
  - {publish: {exchange: "", key: dead}, reaches: [dead]}
""",
        with_routes=True,
    )
    assert all_kept(check(desired, desired.routes))
    assert [one for one in tried(broker_urls, desired).verdicts if one.state is not State.KEPT] == []


def test_limits_lose_no_probe(broker_urls: TestBroker) -> None:
    """All messages are there at the same time, which no limit is made for; and queues stay without consumers."""
    desired = desired_of(
        """
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues:
  q: {max-length: 1, overflow: reject-publish, expires: 1, bindings: [{exchange: in, key: "#"}]}
  p: {auto-delete: true, bindings: [{exchange: in, key: "#"}]}
  w: {ttl: 1d, max-length: 1, dead-letter: {exchange: in}}
policies: {p: {pattern: ^p$, definition: {max-length: 1}}}
routes:
  - {publish: {exchange: in, key: a}, reaches: [q, p]}
  - {publish: {exchange: in, key: b}, reaches: [q, p]}
  - {publish: {exchange: "", key: w}, after: expired, reaches: [q, p]}
  - {publish: {exchange: "", key: w}, after: expired, reaches: [q, p], name: another}
""",
        with_routes=True,
    )
    assert all_kept(tried(broker_urls, desired).verdicts)


@pytest.mark.usefixtures("none_left")
def test_a_topology_that_the_broker_does_not_take(broker_urls: TestBroker) -> None:
    desired = desired_of("topology: 1\nowns: [h]\nexchanges: {h: {type: x-nobody-has-it}}\n", with_routes=True)
    with pytest.raises(
        BrokerError, match=r"^the spec cannot be applied there, so nothing was tested: exchange h: "
    ):
        tried(broker_urls, desired)


def test_it_is_a_vhost_that_no_other_is(broker_urls: TestBroker) -> None:
    where = address(broker_urls.management_url, username=broker_urls.username, password=broker_urls.password)
    one = ScratchVhost(where)
    assert one.name.startswith(PREFIX)
    assert one.name not in vhosts(broker_urls)
    assert ScratchVhost(where).name != one.name
    taken = ScratchVhost(where)
    try:
        taken.create()
        again = ScratchVhost(where)
        again.name = taken.name
        with pytest.raises(BrokerError, match="already"):
            again.create()
        again.remove()
        assert taken.name in vhosts(broker_urls), "what was not made here is not removed here"
    finally:
        taken.remove()
    assert taken.name not in vhosts(broker_urls)


@st.composite
def topologies(draw: st.DrawFn) -> Desired:
    """Exchanges bound to one another, queues with delays and dead letters, in any arrangement."""
    queues = {}
    for name in QUEUES:
        arguments: dict[str, Any] = {}
        if draw(st.booleans()):
            arguments["x-message-ttl"] = draw(st.sampled_from([1, 3600 * SECONDS]))
        if draw(st.booleans()):
            arguments["x-dead-letter-exchange"] = draw(st.sampled_from([*EXCHANGES, ""]))
            if draw(st.booleans()):
                arguments["x-dead-letter-routing-key"] = draw(st.sampled_from([*KEYS, *QUEUES]))
        kind = draw(st.sampled_from(["classic", "classic", "quorum"]))
        queues[name] = Queue(name=name, type=kind, arguments=Arguments.of(arguments))
    types = st.sampled_from(["topic", "direct", "fanout"])
    alternate = st.sampled_from([{}, {}, *({"alternate-exchange": name} for name in EXCHANGES)])
    exchanges = {n: Exchange(name=n, type=draw(types), arguments=Arguments.of(draw(alternate))) for n in EXCHANGES}
    to_queue = st.builds(
        Binding,
        source=st.sampled_from(EXCHANGES),
        destination=st.sampled_from(QUEUES),
        routing_key=st.sampled_from(PATTERNS),
    )
    to_exchange = st.builds(
        Binding,
        source=st.sampled_from(EXCHANGES),
        destination=st.sampled_from(EXCHANGES),
        destination_type=st.just(DestinationType.EXCHANGE),
        routing_key=st.sampled_from(PATTERNS),
    )
    bindings = draw(st.frozensets(to_queue, min_size=2, max_size=7)) | draw(st.frozensets(to_exchange, max_size=2))
    policy = Policy(
        name="delays",
        pattern=draw(st.sampled_from(["^p$", "^[qr]$", "s"])),
        apply_to="queues",
        definition=Arguments.of(
            draw(st.sampled_from([{"message-ttl": 60 * SECONDS}, {"dead-letter-exchange": "a"}]))
        ),
    )
    return Desired(
        ownership=ALL,
        exchanges=exchanges,
        queues=queues,
        bindings=bindings,
        policies=draw(st.sampled_from([{}, {policy.name: policy}])),
        routes=tuple(
            RouteContract(
                exchange=exchange,
                message=Message(routing_key=key, headers=headers),
                after=after,
                reaches=frozenset(),
                place="here",
            )
            for exchange in EXCHANGES
            for key in KEYS
            for headers in HEADERS
            for after in (None, *After)
        ),
    )


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(desired=topologies())
def test_the_broker_does_what_the_spec_alone_tells(desired: Desired, broker_urls: TestBroker) -> None:
    foretold = check(desired, desired.routes)
    for told, found in zip(foretold, tried(broker_urls, desired).verdicts, strict=True):
        assert found.outcome == told.outcome, (told.contract, desired)
