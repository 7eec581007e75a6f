"""What we apply is equivalent to what the application declares, so that it still starts.

Each function below declares with pika exactly what such a Proca server declares at its start. RabbitMQ refuses
with 406 PRECONDITION_FAILED what is not equivalent to what is there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from proca_topo.spec.read import org_settings
from proca_topo.spec.topology_file import read_topology
from tests.brokers.fixtures import TestBroker
from tests.live import desired_in, live_vhost

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True)
class Org:
    """What an org's file says, as the server's own settings would."""

    name: str
    options: Mapping[str, bool]
    variables: Mapping[str, str]


Declares = Callable[[BlockingChannel, list[Org]], None]


def _queue(channel: BlockingChannel, name: str, arguments: Mapping[str, object] | None = None) -> None:
    channel.queue_declare(name, durable=True, arguments=dict(arguments or {}))


def _retried(channel: BlockingChannel, name: str, fail: str, back: str) -> None:
    _queue(channel, name, {"x-dead-letter-exchange": fail, "x-dead-letter-routing-key": name})
    channel.queue_bind(name, back, name)


def _topics(channel: BlockingChannel, *names: str) -> None:
    for name in names:
        channel.exchange_declare(name, "topic", durable=True)


def documented(channel: BlockingChannel, orgs: list[Org]) -> None:
    """Proca's documented design."""
    _topics(channel, "confirm", "deliver", "system.fail", "system.retry")
    _queue(channel, "system.retry", {"x-message-ttl": 30000, "x-dead-letter-exchange": "system.retry"})
    channel.queue_bind("system.retry", "system.fail", "#")
    _retried(channel, "system.email.confirm", "system.fail", "system.retry")
    channel.queue_bind("system.email.confirm", "confirm", "*.system.supporter")
    _retried(channel, "system.email.thankyou", "system.fail", "system.retry")
    channel.queue_bind("system.email.thankyou", "deliver", "*.system.*")
    _queue(channel, "system.sqs")
    for org in orgs:
        _queue(channel, f"{org.name}.confirm")
        channel.queue_bind(f"{org.name}.confirm", "confirm", f"{org.name}.custom.supporter")
        _queue(channel, f"{org.name}.moderate")
        channel.queue_bind(f"{org.name}.moderate", "confirm", f"{org.name}.custom.action")
        if org.options["crm"]:
            _queue(channel, f"{org.name}.crm")
            channel.queue_bind(f"{org.name}.crm", "deliver", f"{org.name}.*.*")
        if org.options["sqs"]:
            channel.queue_bind("system.sqs", "deliver", f"{org.name}.system.*")


def plumbing(channel: BlockingChannel, orgs: list[Org]) -> None:
    """Server 3.0.2: Plumbing as coded."""
    _topics(channel, "confirm", "deliver", "system.fail", "system.retry")
    _queue(channel, "system.failed", {"x-dead-letter-exchange": "system.retry", "x-message-ttl": 30000})
    channel.queue_bind("system.failed", "system.fail", "#")
    _retried(channel, "system.email.confirm", "system.fail", "system.retry")
    channel.queue_bind("system.email.confirm", "confirm", "*.system.supporter")
    _retried(channel, "system.email.thankyou", "system.fail", "system.retry")
    channel.queue_bind("system.email.thankyou", "deliver", "*.system.action")
    _queue(channel, "system.sqs")
    for org in orgs:
        for queue, exchange, key in (
            ("confirm", "confirm", "custom.supporter"),
            ("moderate", "confirm", "custom.action"),
            ("deliver", "deliver", "custom.action"),
        ):
            _queue(channel, f"custom.{org.name}.{queue}")
            channel.queue_bind(f"custom.{org.name}.{queue}", exchange, f"{org.name}.{key}")
        if org.options["sqs"]:
            channel.queue_bind("system.sqs", "deliver", f"{org.name}.system.action")
        if org.options["crm"]:
            _queue(channel, f"custom.{org.name}.crm")
            channel.queue_bind(f"custom.{org.name}.crm", "deliver", f"{org.name}.*.*")


PIPES_QUEUES: Mapping[str, Mapping[str, str]] = {
    "wrk.{id}.email.supporter": {
        "confirm_supporter": "confirm.supporter",
        "email_supporter": "deliver",
    },
    "wrk.{id}.sqs": {"push_sqs": "deliver", "event_sqs": "event"},
    "wrk.{id}.webhook": {"push_webhook": "deliver", "event_webhook": "event"},
    "cus.{id}.confirm.supporter": {"custom_supporter_confirm": "confirm.supporter"},
    "cus.{id}.confirm.action": {"custom_action_confirm": "confirm.action"},
    "cus.{id}.deliver": {"custom_action_deliver": "deliver", "custom_event_deliver": "event"},
}


def pipes(channel: BlockingChannel, orgs: list[Org]) -> None:
    """Server 3.4: Pipes, everything per org."""
    _queue(channel, "system.deliver")
    for org in orgs:
        number = org.variables["id"]
        for name in ("confirm.supporter", "confirm.action", "deliver", "event"):
            _topics(channel, f"org.{number}.{name}")
        fail, back = f"org.{number}.fail", f"org.{number}.retry"
        channel.exchange_declare(fail, "fanout", durable=True)
        channel.exchange_declare(back, "direct", durable=True)
        _queue(channel, fail, {"x-dead-letter-exchange": back})
        channel.queue_bind(fail, fail, "")
        channel.queue_bind("system.deliver", f"org.{number}.event", "system.*")
        for template, sources in PIPES_QUEUES.items():
            switched_on = [source for option, source in sources.items() if org.options[option]]
            if switched_on:
                queue = template.replace("{id}", number)
                _retried(channel, queue, fail, back)
                for source in switched_on:
                    channel.queue_bind(queue, f"org.{number}.{source}", "#")


every_server = pytest.mark.parametrize(
    ("directory", "declare"),
    [(ROOT, documented), (ROOT / "examples/plumbing-3.0.2", plumbing), (ROOT / "examples/pipes-3.4", pipes)],
    ids=["documented", "plumbing-3.0.2", "pipes-3.4"],
)


@pytest.mark.broker
@every_server
def test_a_server_that_declares_its_own_topology_starts_on_ours(
    directory: Path, declare: Declares, broker_urls: TestBroker, vhost: str
) -> None:
    """It gets no 406, and it adds nothing: the definitions before and after it are the same, and plan is empty."""
    desired = desired_in(directory)
    with live_vhost(broker_urls, vhost) as live:
        report = live.apply(desired)
        assert report.exit_code(detailed=True) == 0, report
        ours = live.definitions()
        with live.channel() as channel:
            declare(channel, _orgs(directory))
        assert live.definitions() == ours
        assert live.apply(desired, with_prune=True).plan.changes == ()


@pytest.mark.broker
@every_server
def test_what_a_server_has_declared_itself_is_as_we_want_it(
    directory: Path, declare: Declares, broker_urls: TestBroker, vhost: str
) -> None:
    """Taking over a running server's topology changes nothing but policies, which no client declares."""
    with live_vhost(broker_urls, vhost) as live:
        with live.channel() as channel:
            declare(channel, _orgs(directory))
        report = live.apply(desired_in(directory), with_prune=True)
        assert {str(type(c.noun).__name__) for c in report.plan.changes} <= {"Policy"}
        assert report.exit_code(detailed=True) == 0


def _orgs(directory: Path) -> list[Org]:
    return [
        Org(name=org.name, options=org.options, variables={k: str(v) for k, v in org.variables.items()})
        for org in org_settings(read_topology(directory))
    ]
