"""Dead letters that a policy leads elsewhere find their way from the first moment on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from tests.brokers.fixtures import TestBroker
from tests.live import Live, desired_in, live_vhost
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

MESSAGES: Final = 800
# What is still missing then is lost; the circuit takes 0.3 s.
CALM_SECONDS: Final = 60
# So many more are rejected before the policy changes, and after it.
REJECTED: Final = 200
ORGS: Final = 60

SPEC: Final = """\
topology: 1
owns: [in, work, "c1.*", "c2.*", p, w, "{org}.m"]
exchanges:
  in: {type: topic}
  C.fail: {type: fanout}
  C.back: {type: fanout}
queues:
  work: {bindings: [{exchange: in, key: a}, {exchange: C.back, key: "#"}]}
  C.wait: {WAIT bindings: [{exchange: C.fail, key: "#"}]}
policies:
  p: {pattern: "^work$", apply-to: queues, definition: {dead-letter-exchange: C.fail}}
LIMITS
org:
  queues:
    "{org}.m": {bindings: [{exchange: in, key: "{org}.m"}]}
"""
BY_ARGUMENT: Final = "ttl: 300, dead-letter: {exchange: C.back},"
# One policy for both circuits, so that it redirects what waits in the old one.
BY_POLICY: Final = """\
  w: {pattern: "wait$", apply-to: queues, definition: {message-ttl: 300, dead-letter-exchange: C.back}}
"""


def write(folder: Path, circuit: str, *, by_policy: bool, orgs: int) -> None:
    text = SPEC.replace("WAIT", "" if by_policy else BY_ARGUMENT).replace("LIMITS", BY_POLICY if by_policy else "")
    (folder / "topology.yaml").write_text(text.replace("C.", f"{circuit}."))
    (folder / "orgs").mkdir(exist_ok=True)
    for number in range(orgs):
        (folder / "orgs" / f"org{number}.yaml").write_text("")


@contextmanager
def rejecting(live: Live) -> Iterator[Callable[[], int]]:
    """A consumer that rejects all that comes, as fast as it comes; tells how many it has rejected."""
    ended = Event()
    rejected = 0

    def reject(channel: BlockingChannel, method: Any, _: object, __: bytes) -> None:
        nonlocal rejected
        time.sleep(0.002)
        channel.basic_nack(method.delivery_tag, requeue=False)
        rejected += 1

    def consume() -> None:
        with live.channel() as channel:
            channel.basic_qos(prefetch_count=5)
            channel.basic_consume("work", reject)
            while not ended.is_set():
                channel.connection.process_data_events(0.1)

    thread = Thread(target=consume, daemon=True)
    thread.start()
    try:
        yield lambda: rejected
    finally:
        ended.set()
        thread.join(120)
        assert not thread.is_alive(), "the consumer has not ended"


def left(live: Live, sent: set[bytes]) -> set[bytes]:
    """What is in the queues of both circuits, once all that was sent has come there or nothing does any more."""
    found: set[bytes] = set()
    came = time.monotonic()
    while found != sent and time.monotonic() - came < CALM_SECONDS:
        with live.channel() as channel:
            for queue in ("work", "c1.wait", "c2.wait"):
                while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
                    found.add(got[2])
                    came = time.monotonic()
    return found


@pytest.mark.parametrize("by_policy", [False, True], ids=["argument", "policy"])
def test_a_consumer_that_rejects_all_the_time_loses_nothing_while_a_policy_switches_the_circuit(
    tmp_path: Path, broker_urls: TestBroker, vhost: str, *, by_policy: bool
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, "c1", by_policy=by_policy, orgs=0)
        live.apply(desired_in(tmp_path))
        sent = {str(number).encode() for number in range(MESSAGES)}
        with live.channel() as channel:
            for body in sent:
                channel.basic_publish("in", "a", body, pika.BasicProperties(delivery_mode=2), mandatory=True)
        write(tmp_path, "c2", by_policy=by_policy, orgs=ORGS)
        with rejecting(live) as rejected:
            wait_until(lambda: rejected() >= REJECTED, "it rejects", seconds=60)
            report = live.apply(desired_in(tmp_path))
            enough = rejected() + REJECTED
            wait_until(lambda: rejected() >= enough, "it rejects still", seconds=60)
        assert not report.after or report.after.to_do == ()
        assert len(sent - left(live, sent)) == 0
