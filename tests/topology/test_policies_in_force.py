"""Which policy counts."""

from functools import partial

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


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([None, r"^a\.b$", "^ab$", "^a", "(?i)A"]), st.integers(0, 2)),
        max_size=8,
    ),
    st.sampled_from(["a.b", "ab", "c"]),
)
def test_what_has_changed_counts_as_if_it_had_always_been_so(
    changes: list[tuple[int, str | None, int]], name: str
) -> None:
    there: dict[str, Policy] = {}
    changing = PoliciesInForce([])
    for number, pattern, priority in changes:
        before = there.pop(f"p{number}", None)
        definition = Arguments.of({"max-length": 1})
        named = partial(Policy, name=f"p{number}", priority=priority, definition=definition)
        after = None if pattern is None else named(pattern=pattern)
        if after is not None:
            there[after.name] = after
        changing.change(before, after)
        queue = Queue(name=name, type="classic")
        assert set(changing.possible(queue)) == set(PoliciesInForce(there.values()).possible(queue))
