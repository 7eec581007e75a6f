"""A binding's key in URLs: where it is computed it is RabbitMQ's own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proca_topo.broker.http.properties_key import properties_key
from proca_topo.broker.management import ManagementBroker
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Scope
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Queue
from tests.broker import nouns
from tests.broker.nouns import silent

pytestmark = pytest.mark.broker


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(key=nouns.simple_keys, to_exchange=st.booleans())
def test_the_key_computed_is_the_brokers_own(
    management: ManagementBroker, vhost: str, key: str, *, to_exchange: bool
) -> None:
    ends: list[Noun] = [Exchange(name="e", type="topic"), Exchange(name="d", type="topic"), Queue(name="d")]
    assert management.declare(vhost, ends, silent) == []
    kind = DestinationType.EXCHANGE if to_exchange else DestinationType.QUEUE
    binding = Binding(source="e", destination="d", destination_type=kind, routing_key=key)
    assert management.declare(vhost, [binding], silent) == []
    existing = management.read(vhost)
    assert existing.bindings[binding] == (properties_key(binding),)
    scope = Scope(orgs=frozenset(), bindings=frozenset({binding}))
    assert management.read(vhost, scope).bindings == {binding: existing.bindings[binding]}
    assert management.delete(existing, [binding], silent) == []


@pytest.mark.parametrize("key", ["a b", "~", "é", "a/b", "a%"])
def test_an_odd_key_is_not_computed(key: str) -> None:
    assert properties_key(Binding(source="e", destination="d", routing_key=key)) is None


def test_arguments_are_not_computed() -> None:
    assert properties_key(Binding(source="e", destination="d", arguments=Arguments.of({"a": 1}))) is None
