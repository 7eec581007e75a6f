"""The keys that a declared shape allows."""

from typing import Final

import pytest

from proca_topo.topology.routing.key_shapes import keys_of_shape

SHAPE: Final = ("org", "custom|system", "supporter|action")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("acme.custom.action", ["acme.custom.action"]),
        ("acme.*.action", ["acme.custom.action", "acme.system.action"]),
        ("*.system.*", ["*.system.supporter", "*.system.action"]),
        ("acme.#", [f"acme.{one}.{two}" for one in ("custom", "system") for two in ("supporter", "action")]),
        ("#.action", ["*.custom.action", "*.system.action"]),
        ("#.x.custom.#.action", ["x.custom.action"]),
        ("acme.custom", []),
        ("acme.other.action", []),
    ],
)
def test_the_keys_that_a_pattern_lets_through(pattern: str, expected: list[str]) -> None:
    assert list(keys_of_shape(pattern, SHAPE)) == expected


def test_there_are_at_most_64() -> None:
    assert len(keys_of_shape("*.*", ["|".join("abcdefghij")] * 2)) == 64
