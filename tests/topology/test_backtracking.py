"""Regular expressions with which Python could hang are told from those with which it does not."""

import re

import pytest

from proca_topo.topology.backtracking import backtracks_without_end
from proca_topo.topology.policy_patterns import compiled

WITHOUT_END = (
    "(a+)+",
    "(a*)*",
    "([a-z]*)*x",
    "(?:[a-z0-9]+-?)+",
    "(_?[a-z0-9]+)*",
    "([a-z]+){30}",
    "(?:\u4e00*)*",
    r"(\w+){2,}",
    r"-(\-?[^\-]+\-?)+",
)

WITH_AN_END = (
    "[A-Za-z0-9_-]{2,32}",
    "[a-z]+(-[a-z]+)*",
    "[a-z0-9]([a-z0-9-]*[a-z0-9])?",
    r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}",
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "([0-9]{3})+",
    "([a-z]+-){3}",
    "((?:a|b){2}){3}",
    "(ab|ac)*",
    "(a|b)*a(a|b)",
    "(foo|bar|baz)(-(foo|bar|baz))*",
    r"(?:[\w.]+@)*[\w.]+",
    r"\)*(a|b)+",
)


@pytest.mark.parametrize("pattern", WITHOUT_END)
def test_a_repeat_that_can_read_one_text_in_two_ways_has_no_end(pattern: str) -> None:
    re.compile(pattern)
    assert backtracks_without_end(pattern)


@pytest.mark.parametrize("pattern", WITH_AN_END)
def test_what_names_are_usually_compared_with_has_one(pattern: str) -> None:
    re.compile(pattern)
    assert not backtracks_without_end(pattern)


def test_of_a_policy_with_such_a_pattern_nothing_is_certain() -> None:
    """RabbitMQ gives up on it, sooner or later."""
    name = "a" * 60 + "b"
    assert not compiled("(a+)+$").is_certain_of(name)
    assert compiled("(a+)+$").may_match(name)
    assert compiled("(-a+)+$").is_certain_of(name)
