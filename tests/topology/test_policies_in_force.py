"""Which policy counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce, is_meant
from proca_topo.topology.policy_patterns import compiled, only_name


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"^acme\.fail$", "acme.fail"),
        ("^a-b_c 1$", "a-b_c 1"),
        ("^$", ""),
        ("^acme.fail$", None),
        ("acme$", None),
        ("^(a|b)$", None),
        (r"^a\d$", None),
        (r"^a\\b$", "a\\b"),
    ],
)
def test_a_pattern_of_one_name(pattern: str, name: str | None) -> None:
    assert only_name(pattern) == name


@given(
    st.lists(st.sampled_from([r"^a\.b$", "^a.b$", "^a", "b$", "^ab$", ".*", "(?i)A"]), max_size=6),
    st.sampled_from(["a.b", "axb", "ab", "b", "a.b\n", "c"]),
)
def test_patterns_of_one_name_are_found_as_all_others_are(patterns: list[str], name: str) -> None:
    policies = [
        Policy(name=f"p{number}", pattern=pattern, priority=number % 2, definition=Arguments.of({"max-length": 1}))
        for number, pattern in enumerate(patterns)
    ]
    queue = Queue(name=name, type="classic")
    matching = [one for one in policies if is_meant(one, compiled(one.pattern), queue)]
    certain = [one.priority for one in matching if compiled(one.pattern).is_certain_of(name)]
    expected = {one.name for one in matching if one.priority >= max(certain, default=0)}
    assert {one.name for one in PoliciesInForce(policies).candidates(queue)} == expected
