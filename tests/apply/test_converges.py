"""Whatever exists and whatever is desired: one apply converges, and what is not ours is not touched."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Policy, Queue
from proca_topo.topology.ownership import OwnedPattern, Ownership
from tests.brokers.fixtures import TestBroker, new_vhost
from tests.live import live_vhost

pytestmark = pytest.mark.broker

OURS = Ownership(patterns=(OwnedPattern(text="our.*", regex=r"our\..*"),))
EXCHANGES = ("our.in", "our.fail", "our.return", "their.exchange")
QUEUES = ("our.work", "our.wait", "our.żółw / 1", "their.queue")
KEYS = ("", "#", "a.*", "a..b", "%41 ?&", "ключ")

exchange_types = st.sampled_from(["topic", "direct", "fanout", "headers"])
queue_arguments: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"x-message-ttl": 60000},
        {"x-dead-letter-exchange": "our.fail", "x-dead-letter-routing-key": "our.work"},
        {"x-message-ttl": 1000, "x-dead-letter-exchange": "our.return"},
        {"x-note": "anything"},
        {"x-max-length": 10},
    ]
)
binding_arguments: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"x-match": "any", "n": 1}, {"x-match": "all", "flag": True}]
)


@st.composite
def topologies(draw: st.DrawFn, *, ours_only: bool) -> Desired:
    """Some of each kind, bindings only between what is there."""
    names = [n for n in EXCHANGES if n.startswith("our.") or not ours_only]
    exchanges = {n: Exchange(name=n, type=draw(exchange_types)) for n in draw(st.sets(st.sampled_from(names)))}
    names = [n for n in QUEUES if n.startswith("our.") or not ours_only]
    queues = {
        n: Queue(
            name=n,
            type=draw(st.sampled_from([None, None, "classic", "quorum"])),
            arguments=Arguments.of(draw(queue_arguments)),
        )
        for n in draw(st.sets(st.sampled_from(names)))
    }
    ends = [(n, DestinationType.QUEUE) for n in sorted(queues)]
    ends += [(n, DestinationType.EXCHANGE) for n in sorted(exchanges)]
    bindings = set()
    if exchanges and ends:
        for _ in range(draw(st.integers(0, 6))):
            destination, kind = draw(st.sampled_from(ends))
            bindings.add(
                Binding(
                    source=draw(st.sampled_from(sorted(exchanges))),
                    destination=destination,
                    destination_type=kind,
                    routing_key=draw(st.sampled_from(KEYS)),
                    arguments=Arguments.of(draw(binding_arguments)),
                )
            )
    policies = {
        n: Policy(
            name=n,
            pattern=draw(st.sampled_from(["^our\\.", "wait$"])),
            apply_to=draw(st.sampled_from(["queues", "all"])),
            priority=draw(st.integers(0, 3)),
            definition=Arguments.of({"message-ttl": draw(st.integers(1000, 9000))}),
        )
        for n in draw(st.sets(st.sampled_from(["our.policy", "their.policy"][: 1 if ours_only else 2])))
    }
    return Desired(
        ownership=OURS, exchanges=exchanges, queues=queues, bindings=frozenset(bindings), policies=policies
    )


def not_ours(definitions: dict[str, Any]) -> dict[str, list[Any]]:
    return {
        section: [o for o in objects if o["destination" if section == "bindings" else "name"].startswith("their.")]
        for section, objects in definitions.items()
    }


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(there=topologies(ours_only=False), desired=topologies(ours_only=True))
def test_apply_converges_in_one_run_and_leaves_what_is_not_ours(
    broker_urls: TestBroker, there: Desired, desired: Desired
) -> None:
    with new_vhost(broker_urls) as vhost, live_vhost(broker_urls, vhost) as live:
        # Put there as if by another tool: everything is "ours" for a moment, so that apply can declare it.
        everybody = replace(there, ownership=Ownership(patterns=(OwnedPattern(text="*", regex=".*"),)))
        live.apply(everybody)
        before = live.definitions()

        report = live.apply(desired, with_prune=True)

        assert report.after is not None, (report.stopped, report.unread)
        assert report.after.to_do == ()
        assert report.exit_code() == 0, report.results
        after = live.definitions()
        assert not_ours(after) == not_ours(before)
        held = {c.noun for c in report.after.changes}
        seen = live.broker.read(live.vhost)
        nouns: tuple[Noun, ...] = (
            *desired.exchanges.values(),
            *desired.queues.values(),
            *desired.bindings,
        )
        assert [noun for noun in nouns if not seen.shows(noun) and not _is_held(noun, held)] == []

        again = live.apply(desired, with_prune=True)
        assert again.plan.to_do == ()
        assert live.definitions() == after


def _is_held(noun: Noun, held: set[Noun]) -> bool:
    """Whether a change of this object is still to come: it could only be replaced."""
    return any(isinstance(other, type(noun)) and other.name == noun.name for other in held)
