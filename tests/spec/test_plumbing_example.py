"""examples/plumbing-3.0.2 is what Plumbing in Proca server 3.0.2 declares, name for name."""

from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from tests.spec.nouns import ROOT, bound, by_name, exchange, queue, retried

DESIRED = load_desired(read_topology(ROOT / "examples" / "plumbing-3.0.2"))


def test_four_durable_topic_exchanges() -> None:
    assert DESIRED.exchanges == by_name(
        exchange("confirm"), exchange("deliver"), exchange("system.fail"), exchange("system.retry")
    )


def test_the_queues() -> None:
    assert DESIRED.queues == by_name(
        queue("system.failed", {"x-dead-letter-exchange": "system.retry", "x-message-ttl": 30000}),
        retried("system.email.confirm", "system.fail"),
        retried("system.email.thankyou", "system.fail"),
        queue("system.sqs"),
        queue("custom.acme.confirm"),
        queue("custom.acme.moderate"),
        queue("custom.acme.deliver"),
        queue("custom.acme.crm"),
        queue("custom.greenfield.confirm"),
        queue("custom.greenfield.moderate"),
        queue("custom.greenfield.deliver"),
        queue("custom.tiny_ngo.confirm"),
        queue("custom.tiny_ngo.moderate"),
        queue("custom.tiny_ngo.deliver"),
    )


def test_the_bindings() -> None:
    per_org = {
        binding
        for org in ("acme", "greenfield", "tiny_ngo")
        for binding in (
            bound("confirm", f"{org}.custom.supporter", f"custom.{org}.confirm"),
            bound("confirm", f"{org}.custom.action", f"custom.{org}.moderate"),
            bound("deliver", f"{org}.custom.action", f"custom.{org}.deliver"),
        )
    }
    assert DESIRED.bindings == per_org | {
        bound("system.fail", "#", "system.failed"),
        bound("confirm", "*.system.supporter", "system.email.confirm"),
        bound("deliver", "*.system.action", "system.email.thankyou"),
        bound("system.retry", "system.email.confirm", "system.email.confirm"),
        bound("system.retry", "system.email.thankyou", "system.email.thankyou"),
        bound("deliver", "acme.*.*", "custom.acme.crm"),
        bound("deliver", "greenfield.system.action", "system.sqs"),
    }


def test_no_policies() -> None:
    assert DESIRED.policies == {}
