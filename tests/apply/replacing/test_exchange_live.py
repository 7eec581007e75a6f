"""An exchange is replaced on a real broker: its bindings and whoever publishes to it, before, while and after."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pika
import pytest

from proca_topo.apply.replacing.exchange_steps import EXCHANGE_PROTOCOL, ExchangeStep
from proca_topo.apply.report import Status
from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.amqp.client import connected
from proca_topo.broker.changing import swapping
from proca_topo.broker.protocol import Swap
from proca_topo.plan.changes import Replace, Replacing
from tests.apply.replacing.afterwards import our_own, replaced
from tests.apply.replacing.killing import KilledError, killed_at
from tests.apply.replacing.traffic import Way, contents, published
from tests.live import Live, desired_in

pytestmark = pytest.mark.broker

STEPS: Final = [rule.step.name for rule in EXCHANGE_PROTOCOL] + ["done"]
BINDINGS: Final = (
    "{exchange: in, key: 'a.b', arguments: {n: 1}}, {exchange: in, key: c, arguments: {x-match: any, n: 2}}"
)


def write(folder: Path, exchange: str, *, more: str = "", queues: str = "") -> None:
    """An exchange between others, with queues behind it; without it, if it is to be dropped."""
    bindings = f"bindings: [{BINDINGS}]" if exchange else ""
    middle = f"in: {{{exchange}}}, " if exchange else ""
    (folder / "topology.yaml").write_text(
        "topology: 1\n"
        "owns: [in, before, after, unrouted, work, labour]\n"
        "ignore: [{exchange: before, key: '#'}, {exchange: theirs, key: ''}, {exchange: in, key: z}]\n"
        f"exchanges: {{{middle}before: {{type: topic}}, unrouted: {{type: fanout}}, after: {{type: fanout}}}}\n"
        f"queues:\n  work: {{{bindings}}}\n  labour: {{bindings: [{{exchange: after}}]}}\n{queues}{more}"
    )


def arrange(live: Live) -> None:
    """What others have bound: a queue and an exchange to it, and it to two exchanges."""

    def binding(source: str, destination: str, kind: str, key: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return {
            "source": source,
            "destination": destination,
            "destination_type": kind,
            "routing_key": key,
            "arguments": arguments,
        }

    live.load(
        {
            "exchanges": [
                {"name": "theirs", "type": "headers", "durable": True, "auto_delete": False, "arguments": {}}
            ],
            "queues": [{"name": "their work", "durable": True, "auto_delete": False, "arguments": {}}],
            "bindings": [
                binding("in", "their work", "queue", "a.b", {"x-match": "any", "n": 1, "kind": "x"}),
                binding("in", "after", "exchange", "z", {"n": 1}),
                binding("before", "in", "exchange", "#", {}),
                binding("theirs", "in", "exchange", "", {"x-match": "all", "to": "in"}),
            ],
        }
    )


def exchange(live: Live, name: str = "in") -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in live.definitions()["exchanges"] if one["name"] == name)
    return found


CHANGES: Final = {
    "topic to headers": ("type: topic", "type: headers"),
    "topic to fanout": ("type: topic", "type: fanout"),
    "topic to direct": ("type: topic", "type: direct"),
    "direct to topic": ("type: direct", "type: topic"),
    "headers to topic": ("type: headers", "type: topic"),
    "an argument": ("type: direct", "type: direct, arguments: {x-some: thing}"),
    "an argument, beside one that pika does not write": (
        "type: topic, arguments: {n: 1, f: 1.5, in: [{f: -1.0e+20}]}",
        "type: topic, arguments: {n: 2, f: 1.5, in: [{f: -1.0e+20}]}",
    ),
    "an alternate exchange comes": ("type: topic", "type: topic, alternate: unrouted"),
    "an alternate exchange goes": ("type: topic, alternate: unrouted", "type: topic"),
    "an alternate exchange and another type": (
        "type: topic, alternate: unrouted",
        "type: headers, alternate: unrouted",
    ),
    "internal": ("type: topic", "type: topic, internal: true"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_all_bindings_in_both_directions_stay_as_they_are(name: str, live: Live, tmp_path: Path) -> None:
    """Another team's too; nothing of ours is left behind, and the next plan is empty."""
    before, after = CHANGES[name]
    write(tmp_path, before)
    live.apply(desired_in(tmp_path))
    arrange(live)
    bindings = live.definitions()["bindings"]
    write(tmp_path, after)
    held = live.apply(desired_in(tmp_path))
    assert [result.status for result in held.results] == [Status.HELD_BACK]
    report = replaced(live, tmp_path)
    assert [(result.status, result.reason) for result in report.results] == [(Status.APPLIED, None)]
    assert report.after is not None
    assert report.after.changes == ()
    assert live.definitions()["bindings"] == bindings
    assert our_own(live) == []


def test_bindings_of_the_spec_come_with_the_new_exchange(live: Live, tmp_path: Path) -> None:
    """The old one, to which they may mean something else, never has them; what is no longer wanted is pruned."""
    write(tmp_path, "type: direct")
    live.apply(desired_in(tmp_path))
    topology = tmp_path / "topology.yaml"
    topology.write_text(topology.read_text().replace("direct", "topic").replace("key: 'a.b'", "key: 'a.*'"))
    report = live.apply(desired_in(tmp_path), with_prune=True, replacing=Replacing.IDLE)
    assert {result.status for result in report.results} == {Status.APPLIED}
    assert report.after is not None
    assert report.after.changes == ()
    assert [one["routing_key"] for one in live.definitions()["bindings"] if one["source"] == "in"] == ["a.*", "c"]


def consumed(live: Live, queue: str) -> int:
    with live.channel() as channel:
        count = 0
        while channel.basic_get(queue, auto_ack=True)[0] is not None:
            count += 1
        return count


@contextmanager
def torn_apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Killed, or its broker, between the deletion and the declaration."""

    def swap(where: BrokerAddress, vhost: str, order: Swap) -> None:
        with connected(where, vhost) as connection:
            connection.channel().exchange_delete(order.before.name)
        if not order.before.name.startswith("proca-topo."):
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(swapping, "swap", swap)
        with pytest.raises(KilledError):
            yield


NOT_AFTER_A_SWAP: Final = {ExchangeStep.DECLARE.name, ExchangeStep.BIND_CATCH.name}


INTERRUPTED: Final = [("same", step) for step in STEPS if step not in NOT_AFTER_A_SWAP] + [
    (meanwhile, step.name)
    for meanwhile in ("another", "as it was")
    for step in (ExchangeStep.COPY_INCOMING, ExchangeStep.SWAP, ExchangeStep.RESTORE_OUTGOING)
]


@pytest.mark.parametrize(("meanwhile", "step"), INTERRUPTED)
def test_an_interrupted_replacement_is_finished_by_the_next_apply(
    step: str, meanwhile: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any step, and whatever the spec says by then; and messages find their way all along."""
    write(tmp_path, "type: topic, alternate: unrouted")
    live.apply(desired_in(tmp_path))
    arrange(live)
    bindings = live.definitions()["bindings"]
    write(tmp_path, "type: direct, alternate: unrouted")
    with killed_at(monkeypatch, step):
        replaced(live, tmp_path)
    with live.channel() as channel:
        headers = pika.BasicProperties(headers={"n": 1})
        for name in ("in", "before"):
            channel.basic_publish(name, "a.b", b"", headers, mandatory=True)
            channel.basic_publish(name, "z", b"", headers, mandatory=True)
    assert [consumed(live, queue) for queue in ("work", "their work", "labour")] == [2, 2, 2]
    match meanwhile:
        case "another":
            write(tmp_path, "type: fanout")
        case "as it was":
            write(tmp_path, "type: topic, alternate: unrouted")
    begun = our_own(live) != []
    report = replaced(live, tmp_path, Replacing.FINISHING if begun else Replacing.IDLE)
    assert not {Status.FAILED, Status.NOT_TRIED} & {result.status for result in report.results}, report.results
    assert our_own(live) == []
    report = replaced(live, tmp_path)
    assert report.after is not None
    assert report.after.changes == ()
    assert live.definitions()["bindings"] == bindings


@pytest.mark.parametrize("meanwhile", ["another", "dropped"])
@pytest.mark.parametrize("step", [ExchangeStep.SWAP, ExchangeStep.RESTORE_OUTGOING])
def test_what_the_spec_wants_by_then_waits_for_what_was_begun(
    step: ExchangeStep, meanwhile: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads that something else has changed the broker."""
    write(tmp_path, "type: topic")
    live.apply(desired_in(tmp_path))
    write(tmp_path, "type: direct")
    with killed_at(monkeypatch, step.name):
        replaced(live, tmp_path)
    write(tmp_path, "type: fanout" if meanwhile == "another" else "")
    first, second = (live.apply(desired_in(tmp_path), with_prune=True, replacing=Replacing.IDLE) for _ in range(2))
    assert first.unexplained == ()
    reasons = {result.reason for result in first.results if result.status is not Status.APPLIED}
    assert reasons == {"its replacement had been begun and had to be finished first"}
    assert second.after is not None
    assert second.after.changes == ()
    assert [one["type"] for one in live.definitions()["exchanges"] if one["name"] == "in"] == (
        ["fanout"] if meanwhile == "another" else []
    )


@pytest.mark.parametrize("meanwhile", ["same", "another", "as it was", "dropped"])
def test_an_exchange_that_is_gone_comes_back(
    meanwhile: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all its bindings; and if the next run is killed as well, as soon as it is there nothing is lost."""
    write(tmp_path, "type: topic, alternate: unrouted")
    live.apply(desired_in(tmp_path))
    arrange(live)
    bindings = live.definitions()["bindings"]
    write(tmp_path, "type: direct, alternate: unrouted")
    with torn_apart(monkeypatch):
        replaced(live, tmp_path)
    match meanwhile:
        case "another":
            write(tmp_path, "type: fanout")
        case "as it was":
            write(tmp_path, "type: topic, alternate: unrouted")
        case "dropped":
            write(tmp_path, "")
    plan = live.apply(desired_in(tmp_path), replacing=Replacing.FORBIDDEN).plan
    [change] = [change for change in plan.changes if isinstance(change, Replace)]
    assert change.unfinished is not None
    assert (
        change.hazards[0].message
        == "begun and interrupted; it is gone, and publishers see that; apply finishes it"
    )
    for step in (ExchangeStep.DECLARE, ExchangeStep.BIND_CATCH, ExchangeStep.RESTORE_OUTGOING):
        with killed_at(monkeypatch, step.name):
            replaced(live, tmp_path, Replacing.FINISHING)
        with live.channel() as channel:
            headers = pika.BasicProperties(headers={"n": 1})
            for name in ("in", "before") if step is not ExchangeStep.DECLARE else ("before",):
                channel.basic_publish(name, "a.b", b"", headers, mandatory=True)
                channel.basic_publish(name, "z", b"", headers, mandatory=True)
        count = 1 if step is ExchangeStep.DECLARE else 2
        assert [consumed(live, queue) for queue in ("work", "their work", "labour")] == [count, count, count]
    report = replaced(live, tmp_path, Replacing.FINISHING)
    assert not {Status.FAILED, Status.NOT_TRIED} & {result.status for result in report.results}, report.results
    assert our_own(live) == []
    assert live.definitions()["bindings"] == bindings
    assert exchange(live)["type"] == ("direct" if meanwhile in {"same", "another"} else "topic")


WAYS: Final = (
    Way(name="mandatory", exchange="in", mandatory=True),
    Way(name="silent", exchange="in", mandatory=False),
    Way(name="through another exchange", exchange="before", mandatory=False),
)


@pytest.mark.parametrize("alternate", ["", ", alternate: unrouted"])
def test_no_confirmed_message_is_lost_under_load(alternate: str, live: Live, tmp_path: Path) -> None:
    """Whatever type becomes whatever, each message that was confirmed is in each queue, and is there once.

    Publishers that do not ask for what is unroutable to be returned would not notice a loss.
    """
    write(tmp_path, f"type: topic{alternate}")
    live.apply(desired_in(tmp_path))
    arrange(live)
    with published(live, WAYS, key="a.b") as traffic:
        for kind in ("direct", "fanout", "headers", "topic"):
            write(tmp_path, f"type: {kind}{alternate}")
            report = replaced(live, tmp_path)
            assert [(result.status, result.reason) for result in report.results] == [(Status.APPLIED, None)]
    assert traffic.returned == 0
    for queue in ("work", "their work"):
        there = contents(live, queue)
        assert traffic.confirmed <= set(there), sorted(traffic.confirmed - set(there))[:10]
        assert len(there) == len(set(there))
