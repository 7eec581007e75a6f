"""What a trace tells of dead letters, RabbitMQ does."""

import time
from collections.abc import Mapping
from typing import Any, Final

import pika
import pytest

from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import CLASSIC
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.tracing import Tracer
from proca_topo.topology.routing.visits import Fate
from tests.live import Live
from tests.spec.nouns import desired_of
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

SECONDS: Final = 60.0
# Longer than all delays here: what goes on by then has gone on.
CALM_SECONDS: Final = 1.5
HEAD: Final = 'topology: 1\nowns: ["*"]\n'


def ends(desired: Desired, exchange: str, message: Message, fate: Fate) -> set[str]:
    """Where the trace says that a message is in the end."""
    tracer = Tracer(desired, waiting=desired.waiting, default_queue_type=CLASSIC)
    return set(tracer.trace(exchange, message, fate).ends)


def publish(live: Live, exchange: str, key: str, body: bytes, headers: Mapping[str, Any] | None = None) -> None:
    """Publish, confirmed."""
    with live.channel() as channel:
        properties = pika.BasicProperties(headers=dict(headers) if headers else None)
        channel.basic_publish(exchange, key, body, properties)


def bodies(live: Live, queue: str) -> list[bytes]:
    """What is in a queue, taken out."""
    found = []
    with live.channel() as channel:
        while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(got[2])
    return found


def count(live: Live, queue: str) -> int:
    with live.channel() as channel:
        messages: int = channel.queue_declare(queue, passive=True).method.message_count
        return messages


def copied(live: Live, exchange: str) -> str:
    """A queue for all that goes through an exchange from now on: what has been somewhere can be seen for good."""
    name = f"copies of {exchange}"
    with live.channel() as channel:
        channel.queue_declare(name, durable=True)
        channel.queue_bind(name, exchange, "#")
    return name


class TestOverflow:
    """What is pushed out of a queue, waits, and would come back has no rejection behind it."""

    SPEC: Final = (
        HEAD
        + """
retry: {r: {delay: 300ms, fail: fail, wait: wait, return: back}}
exchanges: {in: {type: topic}}
queues:
  work: {retry: r, max-length: 1, bindings: [{exchange: in, key: a}]}
"""
    )

    def test_it_does_not_come_back(self, live: Live) -> None:
        desired = desired_of(self.SPEC)
        live.apply(desired)
        failed, returned = copied(live, "fail"), copied(live, "back")
        publish(live, "in", "a", b"first")
        publish(live, "in", "a", b"second")
        wait_until(lambda: count(live, failed) == 1, "the first one goes to wait", seconds=SECONDS)
        wait_until(lambda: count(live, returned) == 1, "the first one has waited", seconds=SECONDS)
        time.sleep(CALM_SECONDS)
        # Had it come back, it would have pushed out the second one.
        assert bodies(live, "work") == [b"second"]
        assert bodies(live, "wait") == []
        assert ends(desired, "in", Message(routing_key="a"), Fate.OVERFLOWED) == set()

    def test_what_is_rejected_does(self, live: Live) -> None:
        desired = desired_of(self.SPEC)
        live.apply(desired)
        copies = copied(live, "fail")
        publish(live, "in", "a", b"first")
        with live.channel() as channel:
            channel.basic_reject(channel.basic_get("work")[0].delivery_tag, requeue=False)
        wait_until(lambda: count(live, copies) == 1, "it goes to wait", seconds=SECONDS)
        wait_until(lambda: count(live, "work") == 1, "it is back", seconds=SECONDS)
        assert ends(desired, "in", Message(routing_key="a"), Fate.REJECTED) == {"work"}


def test_what_was_pushed_out_goes_by_the_headers_that_tell_so(live: Live) -> None:
    desired = desired_of(
        HEAD
        + """
exchanges: {in: {type: topic}, dead: {type: headers}}
queues:
  work: {max-length: 1, dead-letter: {exchange: dead}, bindings: [{exchange: in, key: a}]}
  full: {bindings: [{exchange: dead, arguments: {x-match: all-with-x, x-first-death-reason: maxlen}}]}
  late: {bindings: [{exchange: dead, arguments: {x-match: all-with-x, x-first-death-reason: expired}}]}
"""
    )
    live.apply(desired)
    publish(live, "in", "a", b"first")
    publish(live, "in", "a", b"second")
    wait_until(lambda: count(live, "full") == 1, "the first one is pushed out", seconds=SECONDS)
    assert count(live, "late") == 0
    assert ends(desired, "in", Message(routing_key="a"), Fate.OVERFLOWED) == {"full"}


@pytest.mark.parametrize(
    "header", ["x-death", "x-last-death-queue", "x-last-death-reason", "x-last-death-exchange"]
)
def test_of_dead_letters_exchanges_see_by_the_version(live: Live, header: str) -> None:
    """By a binding that asks only whether it is there."""
    desired = desired_of(
        HEAD
        + """
exchanges: {in: {type: topic}, dead: {type: headers}}
queues:
  work: {dead-letter: {exchange: dead}, bindings: [{exchange: in, key: a}]}
  first: {bindings: [{exchange: dead, arguments: {x-match: all-with-x, x-first-death-reason: rejected}}]}
  asked: {}
"""
    )
    live.apply(desired)
    with live.channel() as channel:
        channel.queue_bind("asked", "dead", "", {"x-match": "all-with-x", header: None})
    publish(live, "in", "a", b"message")
    with live.channel() as channel:
        channel.basic_reject(channel.basic_get("work")[0].delivery_tag, requeue=False)
    wait_until(lambda: count(live, "first") == 1, "it is dead-lettered", seconds=SECONDS)
    is_3 = live.test_broker.version.startswith("3.")
    is_seen = (header == "x-death") == is_3
    if is_seen:
        wait_until(lambda: count(live, "asked") == 1, "it comes there too", seconds=SECONDS)
    assert count(live, "asked") == is_seen


def dead_letters_kept(live: Live, queue: str) -> int:
    """How many dead letters of a quorum queue are still in it."""
    found: int = live.http.get(f"/api/queues/{live.path}/{queue}").raise_for_status().json().get("messages_dlx", 0)
    return found


class TestAtLeastOnce:
    """A quorum queue with this strategy keeps dead letters that have no way, if its overflow is reject-publish."""

    @pytest.mark.parametrize("overflow", ["reject-publish", "drop-head"])
    @pytest.mark.parametrize("to", ["missing", "unbound"])
    def test_what_is_rejected_and_has_no_way(self, live: Live, to: str, overflow: str) -> None:
        desired = desired_of(
            HEAD
            + f"""
exchanges: {{unbound: {{type: fanout}}}}
queues:
  work:
    type: quorum
    dead-letter: {{exchange: {to}}}
    allow: {{PT101: tested}}
    arguments: {{x-dead-letter-strategy: at-least-once, x-overflow: {overflow}}}
"""
        )
        live.apply(desired)
        publish(live, "", "work", b"message")
        with live.channel() as channel:
            channel.basic_reject(channel.basic_get("work")[0].delivery_tag, requeue=False)
        keeps = overflow == "reject-publish"
        if keeps:
            wait_until(lambda: dead_letters_kept(live, "work") == 1, "it is a dead letter", seconds=SECONDS)
        time.sleep(CALM_SECONDS)
        assert dead_letters_kept(live, "work") == (1 if keeps else 0)
        assert ends(desired, "", Message(routing_key="work"), Fate.REJECTED) == ({"work"} if keeps else set())

    def test_what_expires_in_a_circle(self, live: Live) -> None:
        desired = desired_of(
            HEAD
            + """
queues:
  work: {type: quorum, ttl: 300ms, dead-letter: {exchange: "", key: work}}
policies:
  keep: {pattern: ^work$, definition: {dead-letter-strategy: at-least-once, overflow: reject-publish}}
"""
        )
        live.apply(desired)
        publish(live, "", "work", b"message")
        wait_until(lambda: dead_letters_kept(live, "work") == 1, "it is a dead letter", seconds=SECONDS)
        time.sleep(CALM_SECONDS)
        assert dead_letters_kept(live, "work") == 1
        assert ends(desired, "", Message(routing_key="work"), Fate.EXPIRED) == {"work"}
