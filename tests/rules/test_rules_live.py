"""What the rules say of RabbitMQ, RabbitMQ does."""

import json
import time
from pathlib import Path
from typing import Any, Final

import pytest
from pika import BlockingConnection

from proca_topo.render.definitions import definitions_json
from proca_topo.rules.coded.pt105 import RULE as EXPIRING_IN_A_CIRCLE
from proca_topo.rules.coded.pt108 import RULE as GIVING_UP
from proca_topo.rules.coded.pt204 import UNKNOWN
from proca_topo.rules.registry import RULES
from proca_topo.rules.rule import Rule, Severity
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from tests.broker.raw import Raw
from tests.live import Live
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

SECONDS: Final = 60.0
REFUSED: Final = 400
VALUES: Final[dict[str, object]] = {
    "x-max-priority": 5,
    "x-queue-mode": "lazy",
    "x-queue-version": 2,
    "x-delivery-limit": 5,
    "x-quorum-initial-group-size": 1,
    "x-dead-letter-strategy": "at-most-once",
    "x-max-in-memory-length": 10,
    "x-max-age": "1D",
    "x-stream-max-segment-size-bytes": 100_000_000,
    "x-initial-cluster-size": 1,
    "x-dead-letter-exchange": "somewhere",
    "x-dead-letter-routing-key": "key",
    "x-expires": 60_000,
    "x-max-length": 10,
    "x-message-ttl": 60_000,
    "x-overflow": "drop-head",
    "x-single-active-consumer": True,
    "x-queue-master-locator": "client-local",
}
# RabbitMQ asks for the exchange where there is a key.
TOGETHER: Final = {"x-dead-letter-routing-key": {"x-dead-letter-exchange": "somewhere"}}
refusing = pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES.values() if rule.target is not None and rule.severity is Severity.ERROR],
    ids=lambda rule: rule.code,
)


def version(live: Live) -> tuple[int, ...]:
    """Of RabbitMQ, as far as a rule names it."""
    return tuple(int(part) for part in live.test_broker.version.split(".")[:2])


def load_spec(live: Live, directory: Path, text: str) -> int:
    """Have RabbitMQ itself import a spec; its answer."""
    (directory / "topology.yaml").write_text(text)
    desired = load_desired(read_topology(directory))
    body = json.loads(definitions_json(desired, live.vhost))
    del body["vhosts"]
    return live.http.post(f"/api/definitions/{live.path}", json=body).status_code


def declare(live: Live, queue: str, kind: str, arguments: dict[str, Any]) -> int:
    """RabbitMQ's answer."""
    body = {"durable": True, "arguments": {"x-queue-type": kind, **arguments}}
    return live.http.put(f"/api/queues/{live.path}/{queue}", json=body).status_code


def policy(live: Live, queue: str, values: dict[str, Any]) -> None:
    raw = Raw(http=live.http, vhost=live.path)
    raw.put("policies", queue, **{"pattern": f"^{queue}$", "apply-to": "queues", "definition": values})


def is_there(live: Live, queue: str) -> bool:
    """Whether a queue is there, which is asked so that it does not take itself for used."""
    return queue in Raw(http=live.http, vhost=live.path).names("queues")


def count(live: Live, queue: str) -> int:
    """The messages in a queue."""
    with live.channel() as channel:
        found: int = channel.queue_declare(queue, passive=True).method.message_count
        return found


@refusing
def test_what_is_about_a_version_is_refused_by_it_and_not_before(live: Live, rule: Rule, tmp_path: Path) -> None:
    assert rule.target is not None
    if version(live) < rule.target:
        assert load_spec(live, tmp_path, rule.example) == 204
    else:
        assert load_spec(live, tmp_path, rule.example) == REFUSED
        assert load_spec(live, tmp_path, rule.mended) == 204


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_type_refuses_the_arguments_that_it_does_not_know_and_takes_the_others(live: Live, kind: str) -> None:
    values = dict(VALUES)
    if version(live) >= (4, 3):
        del values["x-queue-master-locator"]  # PT403: it is refused for all types
    answers = {
        argument: declare(live, f"{kind}.{argument}", kind, {argument: value, **TOGETHER.get(argument, {})})
        for argument, value in values.items()
    }
    assert {argument for argument, answer in answers.items() if answer == REFUSED} == UNKNOWN[kind] & values.keys()
    assert set(answers.values()) <= {REFUSED, 201}


@pytest.mark.parametrize("by_argument_is_less", [True, False], ids=["argument", "policy"])
class TestWhereArgumentAndPolicyDisagree:
    """The lesser counts, and of dead-letter exchange and key the argument."""

    @staticmethod
    def disagree(live: Live, kind: str, key: str, less: int, more: int, *, by_argument_is_less: bool) -> None:
        """Declare `q` with both."""
        mine, theirs = (less, more) if by_argument_is_less else (more, less)
        policy(live, "q", {key: theirs})
        assert declare(live, "q", kind, {f"x-{key}": mine}) == 201

    @pytest.mark.parametrize("kind", ["classic", "quorum"])
    def test_message_ttl(self, live: Live, kind: str, *, by_argument_is_less: bool) -> None:
        self.disagree(live, kind, "message-ttl", 300, 600_000, by_argument_is_less=by_argument_is_less)
        live.fill("q", 3)
        wait_until(lambda: count(live, "q") == 0, "q is empty", seconds=SECONDS)

    def test_expires(self, live: Live, *, by_argument_is_less: bool) -> None:
        self.disagree(live, "classic", "expires", 500, 600_000, by_argument_is_less=by_argument_is_less)
        wait_until(lambda: not is_there(live, "q"), "q is gone", seconds=SECONDS)

    @pytest.mark.parametrize("kind", ["classic", "quorum"])
    def test_max_length(self, live: Live, kind: str, *, by_argument_is_less: bool) -> None:
        self.disagree(live, kind, "max-length", 2, 5, by_argument_is_less=by_argument_is_less)
        live.fill("q", 8)
        wait_until(lambda: count(live, "q") == 2, "2 messages are in q", seconds=SECONDS)

    @pytest.mark.parametrize("kind", ["classic", "quorum"])
    def test_max_length_bytes(self, live: Live, kind: str, *, by_argument_is_less: bool) -> None:
        """RabbitMQ 4.3 counts what else a message in a quorum queue takes."""
        self.disagree(live, kind, "max-length-bytes", 2_500, 5_500, by_argument_is_less=by_argument_is_less)
        with live.channel() as channel:
            for _ in range(8):
                channel.basic_publish("", "q", bytes(1_000))
        wait_until(lambda: count(live, "q") == 2, "2 messages are in q", seconds=SECONDS)

    def test_delivery_limit(self, live: Live, *, by_argument_is_less: bool) -> None:
        self.disagree(live, "quorum", "delivery-limit", 1, 9, by_argument_is_less=by_argument_is_less)
        live.fill("q", 1)

        def is_delivered() -> bool:
            """And left behind: RabbitMQ 4.3 does not count what a consumer gives back."""
            with live.channel() as channel:
                return channel.basic_get("q")[0] is not None

        for _ in range(2):
            wait_until(is_delivered, "the message is there again", seconds=SECONDS)
        time.sleep(1)
        assert not is_delivered()

    def test_dead_letters_go_where_the_argument_says(self, live: Live, *, by_argument_is_less: bool) -> None:
        """The less of two names is as good as the other."""
        ends = ["a", "b"] if by_argument_is_less else ["b", "a"]
        for end in ends:
            declare(live, end, "classic", {})
        policy(live, "q", {"dead-letter-exchange": "", "dead-letter-routing-key": ends[1], "message-ttl": 1})
        declare(live, "q", "classic", {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": ends[0]})
        live.fill("q", 3)
        wait_until(lambda: count(live, ends[0]) == 3, f"3 messages are in {ends[0]}", seconds=SECONDS)
        assert count(live, ends[1]) == 0


def deliveries(live: Live, queue: str, *, until: str) -> int:
    """How often a message goes to consumers that end without an answer: 30 times, or `until` it is there."""
    times = 0
    with live.channel() as channel:
        while times < 30:
            if not _is_delivered(live, channel.connection, queue, until):
                break
            times += 1
    return times


def _is_delivered(live: Live, connection: BlockingConnection, queue: str, until: str) -> bool:
    got: list[object] = []
    consumer = connection.channel()
    consumer.basic_consume(queue, lambda *_: got.append(1))
    wait_until(
        lambda: connection.process_data_events(0.01) or got or count(live, until),
        "it is delivered, or given up",
        seconds=SECONDS,
    )
    consumer.close()
    return bool(got)


@pytest.mark.parametrize("limit", [None, 3, 1_000_000])
def test_what_a_quorum_queue_gives_up_does_not_come_back(limit: int | None, live: Live, tmp_path: Path) -> None:
    """RabbitMQ 3 has no limit of its own, RabbitMQ 4 has 20."""
    text = GIVING_UP.example.replace("30s", "100ms")
    if limit is not None:
        text = text.replace("type: quorum", f"type: quorum\n    delivery-limit: {limit}")
    assert load_spec(live, tmp_path, text) == 204
    with live.channel() as channel:
        channel.queue_declare("given up", durable=True)
        channel.queue_bind("given up", "failed", "mail")
    live.fill("mail", 1)
    counts = limit or (20 if version(live) >= (4, 0) else 1_000_000)
    assert deliveries(live, "mail", until="given up") == min(counts + 1, 30)
    if counts < 30:
        wait_until(lambda: count(live, "waiting") == 0, "it has waited", seconds=SECONDS)
        time.sleep(1)
        assert count(live, "mail") == 0
    else:
        assert count(live, "given up") == 0


def test_what_was_rejected_is_given_up_sooner_on_rabbitmq_4_3(live: Live, tmp_path: Path) -> None:
    """Rejections count there, so that one consumer that ends without an answer is enough."""
    text = GIVING_UP.example.replace("30s", "100ms").replace("type: quorum", "type: quorum\n    delivery-limit: 3")
    assert load_spec(live, tmp_path, text) == 204
    live.fill("mail", 1)
    with live.channel() as channel:
        for _ in range(4):
            method, _, _ = next(channel.consume("mail"))
            channel.basic_reject(method.delivery_tag, requeue=False)
        next(channel.consume("mail"))
    if version(live) >= (4, 3):
        wait_until(lambda: count(live, "mail") == 0, "it is given up", seconds=SECONDS)
        wait_until(lambda: count(live, "waiting") == 0, "it has waited", seconds=SECONDS)
        time.sleep(1)
        assert count(live, "mail") == 0
    else:
        wait_until(lambda: count(live, "mail") == 1, "it is there again", seconds=SECONDS)


def test_what_expires_in_a_circle_is_dropped(live: Live, tmp_path: Path) -> None:
    """Nothing is there once it has been everywhere, and nobody has consumed."""
    assert load_spec(live, tmp_path, EXPIRING_IN_A_CIRCLE.example.replace("10s", "300ms")) == 204
    with live.channel() as channel:
        for queue, exchange in (("was in one", "first"), ("was in two", "second")):
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, exchange, "")
    live.fill("one", 3)
    wait_until(lambda: count(live, "was in one") == 3, "the messages expire in one", seconds=SECONDS)
    wait_until(lambda: count(live, "was in two") == 3, "the messages expire in two", seconds=SECONDS)
    wait_until(
        lambda: (count(live, "one"), count(live, "two")) == (0, 0), "the messages are gone", seconds=SECONDS
    )
    time.sleep(1)
    assert (count(live, "one"), count(live, "two")) == (0, 0)
    assert (count(live, "was in one"), count(live, "was in two")) == (3, 3)
