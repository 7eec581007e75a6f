"""Everything that breaks a rule."""

from collections.abc import Iterator

from proca_topo.rules.registry import RULES
from proca_topo.rules.rule import Finding, Rule
from proca_topo.rules.subject import Subject

Version = tuple[int, int]


def rules_for(target: Version | None) -> tuple[Rule, ...]:
    """The rules that can be asked; what is about a version only if the `target` is that or a later one."""
    return tuple(
        rule
        for rule in RULES.values()
        if rule.find is not None and (rule.target is None or (target is not None and target >= rule.target))
    )


def check(subject: Subject, *, target: Version | None = None) -> Iterator[Finding]:
    """What breaks a rule, rule by rule."""
    for rule in rules_for(target):
        if rule.find is not None:
            yield from rule.find(subject)
