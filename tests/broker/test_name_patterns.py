"""The names that a plan of one org asks a real broker for by pattern."""

import re

import pytest

from proca_topo.broker.management import ManagementBroker
from proca_topo.topology.existing import Scope
from proca_topo.topology.nouns import Queue
from tests.broker.nouns import silent

pytestmark = pytest.mark.broker


@pytest.mark.parametrize(
    "pattern",
    [r"a\.(?s:.)", r"a\.[é-ü]", r"a\.[^x]", "[a-zé]{2}.x", r"(?s:.)é\..+", r"a\.yé?", "é.*", r"ø\.[^\W]"],
)
def test_a_pattern_counts_characters_and_not_bytes(management: ManagementBroker, vhost: str, pattern: str) -> None:
    """RabbitMQ matches bytes, of which é has two; a plan of one org must see what a plan of all sees."""
    names = ["a.é", "a.y", "a.x", "aé.x", "é.confirm", "é", "ab.x", "ø.é", "ø.a", "a.日", "A.É", "other"]
    assert management.declare(vhost, [Queue(name=name) for name in names], silent) == []
    part = management.read(vhost, Scope(orgs=frozenset({"a"}), name_patterns=(pattern,)))
    assert set(part.queues) == {name for name in names if re.fullmatch(pattern, name)}
