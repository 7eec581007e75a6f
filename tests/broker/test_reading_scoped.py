"""Reading a part of a vhost on a real broker: what the whole shows of it, at the cost of the part."""

from dataclasses import replace

import pytest

from proca_topo.broker.management import ManagementBroker
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Existing, Scope
from proca_topo.topology.nouns import Binding, Exchange, Noun, Policy, Queue
from tests.broker.nouns import silent
from tests.broker.raw import Raw

pytestmark = pytest.mark.broker


def _a_few_orgs(raw: Raw) -> None:
    raw.put("exchanges", "deliver", type="topic", durable=True)
    raw.put("exchanges", "other", type="topic", durable=True)
    raw.put("queues", "shared", durable=True)
    for org in ("acme", "beta"):
        raw.put("exchanges", f"{org}.x", type="topic", durable=True)
        raw.bind("deliver", "shared", f"{org}.system.*")
        raw.bind("other", "shared", f"{org} ü")
        for name in ("crm", "extra one"):
            raw.put("queues", f"{org}.{name}", durable=True)
            raw.bind("deliver", f"{org}.{name}", f"{org}.*.*")
            raw.bind(f"{org}.x", f"{org}.{name}", "")
    raw.put("policies", "acme-ttl", pattern="^acme", definition={"message-ttl": 5}, **{"apply-to": "queues"})
    raw.put("policies", "unrelated", pattern="^x", definition={"message-ttl": 5})
    raw.put("policies", "for-all", pattern="^x", definition={"message-ttl": 6})


ACME = Scope(
    orgs=frozenset({"acme"}),
    exchanges=frozenset({"acme.x"}),
    queues=frozenset({"acme.crm", "acme.absent"}),
    bindings=frozenset(
        {
            Binding(source="deliver", destination="shared", routing_key="acme.system.*"),
            Binding(source="other", destination="shared", routing_key="acme ü"),
            Binding(source="other", destination="shared", routing_key="acme.absent"),
            Binding(source="nowhere", destination="shared", routing_key="acme ü"),
        }
    ),
    reference_exchanges=frozenset({"deliver"}),
    reference_queues=frozenset({"shared"}),
    reference_bindings=frozenset(
        {
            Binding(source="deliver", destination="shared", routing_key="beta.system.*"),
            Binding(source="deliver", destination="nowhere", routing_key="#"),
        }
    ),
    reference_policies=frozenset(
        Policy(name=name, pattern="^acme", definition=Arguments.of({"max-length": 1}))
        for name in ("for-all", "absent")
    ),
)


def _part(existing: Existing, names: set[str], bindings: int) -> None:
    assert set(existing.queues) | set(existing.exchanges) == names
    assert len(existing.bindings) == bindings
    assert all(existing.bindings.values())


def test_a_part_is_what_the_whole_shows_of_it(management: ManagementBroker, vhost: str, raw: Raw) -> None:
    _a_few_orgs(raw)
    whole = management.read(vhost)
    part = management.read(vhost, ACME)
    _part(part, {"acme.crm", "acme.x", "deliver", "shared"}, 6)
    assert part.queues.items() <= whole.queues.items()
    assert part.exchanges.items() <= whole.exchanges.items()
    assert part.bindings.items() <= whole.bindings.items()
    assert part.activity.items() <= whole.activity.items()
    assert (part.broker, part.default_queue_type) == (whole.broker, whole.default_queue_type)
    # The exchange's other listener is there too: deleting the exchange would cost it its messages.
    assert Binding(source="acme.x", destination="acme.extra one") in part.bindings
    # The policy that rules acme.crm comes along unasked.
    assert part.policies == {name: whole.policies[name] for name in ("acme-ttl", "for-all")}


def test_the_exchange_that_takes_what_an_orgs_queue_rejects_is_there(
    management: ManagementBroker, vhost: str, raw: Raw
) -> None:
    """By a policy of anybody."""
    _a_few_orgs(raw)
    raw.put("exchanges", "theirs", type="fanout", durable=True)
    raw.put("policies", "acme-ttl", pattern="^acme", definition={"dead-letter-exchange": "theirs"})
    assert management.read(vhost, ACME).exchanges["theirs"] == management.read(vhost).exchanges["theirs"]


def test_the_types_that_exchanges_can_have(management: ManagementBroker, vhost: str) -> None:
    """Not those of a plugin that is installed, as this one always is, and not enabled."""
    whole, part = management.read(vhost), management.read(vhost, ACME)
    assert whole.exchange_types == part.exchange_types
    assert whole.exchange_types is not None
    assert whole.exchange_types >= {"direct", "fanout", "headers", "topic"}
    assert "x-consistent-hash" not in whole.exchange_types


def test_names_that_match_a_pattern(management: ManagementBroker, vhost: str, raw: Raw) -> None:
    _a_few_orgs(raw)
    scope = Scope(orgs=frozenset({"acme"}), name_patterns=(r"acme\..*", "(?P<org>ac|me)x?"))
    _part(management.read(vhost, scope), {"acme.crm", "acme.extra one", "acme.x"}, 4)


def test_policies_that_match_a_pattern_though_they_are_in_force_nowhere(
    management: ManagementBroker, vhost: str, raw: Raw
) -> None:
    """What a gone org has left is found for that org as for the whole vhost."""
    _a_few_orgs(raw)
    left = Policy(name="acme.old", pattern="^nothing$", definition=Arguments.of({"max-length": 1}))
    other = replace(left, name="beta.old")
    assert management.declare(vhost, [left, other], silent) == []
    part = management.read(vhost, Scope(orgs=frozenset({"acme"}), name_patterns=(r"acme\..*",)))
    assert part.policies["acme.old"] == left
    assert "beta.old" not in part.policies


def test_names_that_no_url_can_have(management: ManagementBroker, vhost: str) -> None:
    """`.` and `..` vanish from paths; then the whole vhost is read."""
    there: list[Noun] = [Queue(name=".", type="classic"), Exchange(name="..", type="topic")]
    binding = Binding(source="..", destination=".", routing_key=".")
    assert management.declare(vhost, there, silent) == []
    assert management.declare(vhost, [binding], silent) == []
    part = management.read(vhost, Scope(orgs=frozenset(), queues=frozenset({"."})))
    assert (set(part.queues), set(part.bindings)) == ({"."}, {binding})


def test_a_large_scope_is_read_as_a_whole(management: ManagementBroker, vhost: str, raw: Raw) -> None:
    _a_few_orgs(raw)
    many = frozenset(f"acme.{number}" for number in range(2000))
    assert set(management.read(vhost, Scope(orgs=frozenset(), queues=many)).queues) == set(
        management.read(vhost).queues
    )
