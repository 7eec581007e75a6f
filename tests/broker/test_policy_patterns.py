"""Policies' patterns are read as RabbitMQ reads them, or not at all."""

import random
from typing import Any, Final

import httpx
import pytest

from proca_topo.topology.policy_patterns import certainly_wrong, compiled

WORDS = r"""
names: a b a.q a.b.q aa ab a{,1} ab_1 A-b 1 . ]} ^a$ a\b (a|b) ü ünï.q ü.q ß a.ü ªµº ¼÷ 日本.q a😀 à
atoms: a b q ü 1 - _ ] } = . . ^ $ | \. \- \_ \\ \{ \( \d \D \w \W \s \S \b [ab] [^ab] [a-z] [^.] [.]
atoms: [a-z0-9_-] [-a] [\w.] [^\w-] [\s\d] [^\S] [\W] [^\W\\] [\\w] [ü] [^ü] [\]\-] [{}] [a=]
quantifiers: * + ? {2} {1,} {0,2} {7} *? +? ?? {1,2}?
read: ^a$ .* ^(?!amq\.).* ^(acme|b)[.]x-{2}$ \w+\.dlq ü a{2,3}? ^(?:[a-z0-9-]+)\.wait$
not read: a{,1} a{ a\Z a\z \A (?u)a (?i)a a(?i:b) (?P<n>a) (?P=n) (?#x)a (?<=a)b (?>a) (*UTF8)a
not read: a*+ a++ a?+ a{2}+ a{2}{3} a** *a ^* \b* (?=a)* ((?!a)b)+
not read: \h \R \K \Qa.\E \1 (a)\1 \01 \x41 \v \B \ü \u00fc \pL
not read: [[:alpha:]] [:alpha:]x[ []a] [^]a] [a--b] [a&&b] [\w-.] [a-\d] [\b] [] [b-a] a{3,2} ( ) [
"""


def _words(kind: str) -> list[str]:
    lines = [line.partition(": ") for line in WORDS.splitlines()]
    return [word for before, _, after in lines if before == kind for word in after.split(" ")]


NAMES: Final = [*_words("names"), "a b", "a\n", "a\nq", "q.a\n", "a\u00a0b", "\u0085"]
ATOMS: Final = [*_words("atoms"), " "]
QUANTIFIERS: Final = _words("quantifiers")
READ: Final = _words("read")
REFUSED: Final = ["*", "+a", "?", "(", "a(b", "a)", "[", "[^]", "(?#a"]
NOT_READ: Final = [*_words("not read"), "a{ 1 }", "a\\", "a\x00"]


@pytest.mark.parametrize("pattern", ["", *READ])
def test_what_python_and_rabbitmq_read_alike(pattern: str) -> None:
    assert compiled(pattern).is_certain_of("a")


@pytest.mark.parametrize("pattern", NOT_READ)
def test_what_they_may_read_differently_may_match_anything(pattern: str) -> None:
    assert not compiled(pattern).is_certain_of("a")
    assert compiled(pattern).may_match("anything")


def test_a_name_is_its_bytes() -> None:
    assert compiled("^.{7}$").may_match("ünï.q")
    assert not compiled("^.$").may_match("ü")
    assert compiled("^[^a]{2}$").may_match("ü")


@pytest.mark.parametrize("pattern", [r"^\w$", r"\W\W", r"\b", r"[\w]x"])
def test_what_a_word_is_is_certain_of_ascii_only(pattern: str) -> None:
    assert compiled(pattern).is_certain_of("a.q")
    assert not compiled(pattern).is_certain_of("ünï.q")
    assert compiled(pattern).may_match("ünï.q")


def _random_pattern(dice: random.Random, depth: int = 2) -> str:
    pattern = ""
    for _ in range(dice.randint(1, 4)):
        if depth and dice.random() < 0.25:
            opened = dice.choice(("(", "(", "(?:", "(?=", "(?!"))
            pattern += f"{opened}{_random_pattern(dice, depth - 1)})"
        else:
            pattern += dice.choice(ATOMS)
        if dice.random() < 0.35:
            pattern += dice.choice(QUANTIFIERS)
    return pattern


def _matched(http: httpx.Client, vhost: str, pattern: str) -> set[str] | None:
    """The exchanges that RabbitMQ gives a policy of this pattern; None if it refuses the pattern.

    Of queues it tells their policy late. Exchanges are matched by the same function.
    """
    body: dict[str, Any] = {"pattern": pattern, "definition": {"alternate-exchange": "x"}, "apply-to": "exchanges"}
    answer = http.put(f"/api/policies/{vhost}/p", json=body)
    if answer.status_code == httpx.codes.BAD_REQUEST:
        return None
    answer.raise_for_status()
    listed = http.get(f"/api/exchanges/{vhost}?disable_stats=true").raise_for_status().json()
    return {entry["name"] for entry in listed if entry.get("policy") == "p" and entry["name"] in NAMES}


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_no_rabbitmq_takes_is_told_before_it_is_asked(pattern: str) -> None:
    assert certainly_wrong(pattern) is not None


@pytest.mark.broker
@pytest.mark.parametrize("pattern", ["a(?i:b)", "a(?i)b", "(?<n>a)", r"\Q(\E", "[[:alpha:]]", "a++", "(*UTF8)a"])
def test_what_only_python_does_not_know_is_left_to_rabbitmq(
    pattern: str, http: httpx.Client, vhost: str, recwarn: pytest.WarningsRecorder
) -> None:
    assert certainly_wrong(pattern) is None
    assert not recwarn.list, "Python warns of what it may read otherwise one day"
    assert _matched(http, vhost, pattern) is not None


@pytest.mark.broker
def test_random_patterns_match_what_they_match_in_rabbitmq(http: httpx.Client, vhost: str) -> None:
    exchanges = [
        {"name": name, "type": "direct", "durable": True, "auto_delete": False, "internal": False, "arguments": {}}
        for name in NAMES
    ]
    http.post(f"/api/definitions/{vhost}", json={"exchanges": exchanges}).raise_for_status()
    dice = random.Random("patterns")
    compared = refused = 0
    for pattern in (*READ, *NOT_READ, *REFUSED, *ATOMS, *(_random_pattern(dice) for _ in range(600))):
        ours = compiled(pattern)
        theirs = _matched(http, vhost, pattern)
        if theirs is None:
            refused += 1
            continue
        assert certainly_wrong(pattern) is None, pattern
        certain = {name for name in NAMES if ours.is_certain_of(name)}
        compared += bool(certain)
        assert {name for name in NAMES if ours.may_match(name)} >= theirs, pattern
        assert {name for name in certain if ours.may_match(name)} == theirs & certain, pattern
    assert compared > 200
    assert refused >= len(REFUSED)
