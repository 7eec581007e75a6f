"""The spec in the repository's root is Proca's documented design, name for name."""

from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.nouns import Kind, Noun
from tests.spec.nouns import ROOT, bound, by_name, exchange, queue, retried

DESIRED = load_desired(read_topology(ROOT))


def test_its_vhost() -> None:
    assert DESIRED.vhost == "proca"


def test_four_durable_topic_exchanges() -> None:
    assert DESIRED.exchanges == by_name(
        exchange("confirm"), exchange("deliver"), exchange("system.fail"), exchange("system.retry")
    )


def test_the_queues_of_the_workers_and_of_each_org() -> None:
    assert DESIRED.queues == by_name(
        queue("system.retry", {"x-message-ttl": 30000, "x-dead-letter-exchange": "system.retry"}),
        retried("system.email.confirm", "system.fail"),
        retried("system.email.thankyou", "system.fail"),
        queue("system.sqs"),
        queue("acme.confirm"),
        queue("acme.moderate"),
        queue("acme.crm"),
        queue("greenfield.confirm"),
        queue("greenfield.moderate"),
    )


def test_the_bindings() -> None:
    assert DESIRED.bindings == {
        bound("confirm", "*.system.supporter", "system.email.confirm"),
        bound("deliver", "*.system.*", "system.email.thankyou"),
        bound("system.fail", "#", "system.retry"),
        bound("system.retry", "system.email.confirm", "system.email.confirm"),
        bound("system.retry", "system.email.thankyou", "system.email.thankyou"),
        bound("confirm", "acme.custom.supporter", "acme.confirm"),
        bound("confirm", "acme.custom.action", "acme.moderate"),
        bound("deliver", "acme.*.*", "acme.crm"),
        bound("confirm", "greenfield.custom.supporter", "greenfield.confirm"),
        bound("confirm", "greenfield.custom.action", "greenfield.moderate"),
        bound("deliver", "greenfield.system.*", "system.sqs"),
    }


def test_no_policies() -> None:
    assert DESIRED.policies == {}


def test_it_tells_which_org_each_object_is_for() -> None:
    assert DESIRED.orgs == {
        Kind.EXCHANGE: {},
        Kind.QUEUE: {
            "acme.confirm": "acme",
            "acme.moderate": "acme",
            "acme.crm": "acme",
            "greenfield.confirm": "greenfield",
            "greenfield.moderate": "greenfield",
        },
        Kind.BINDING: {
            bound("confirm", "acme.custom.supporter", "acme.confirm"): "acme",
            bound("confirm", "acme.custom.action", "acme.moderate"): "acme",
            bound("deliver", "acme.*.*", "acme.crm"): "acme",
            bound("confirm", "greenfield.custom.supporter", "greenfield.confirm"): "greenfield",
            bound("confirm", "greenfield.custom.action", "greenfield.moderate"): "greenfield",
            bound("deliver", "greenfield.system.*", "system.sqs"): "greenfield",
        },
        Kind.POLICY: {},
    }


def test_it_owns_what_it_declares_and_the_queues_of_orgs_that_have_gone() -> None:
    owned = DESIRED.ownership
    nouns: list[Noun] = [*DESIRED.exchanges.values(), *DESIRED.queues.values(), *DESIRED.bindings]
    assert [noun for noun in nouns if not owned.owns(noun)] == []
    assert owned.owns_name("gone-org.crm")
    assert owned.org_in("gone-org.crm") == "gone-org"
    assert not owned.owns_name("reports")
    assert not owned.owns_name("gone.org.crm"), "an org has no dots in its name"
    assert not owned.owns_name("amq.topic")
