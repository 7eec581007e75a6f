"""Policies."""

import re
from typing import Final

from proca_topo.spec.context import Context
from proca_topo.spec.fields import NOTHING, milliseconds
from proca_topo.spec.parts import PolicyDoc
from proca_topo.spec.placeholders import with_quantifiers
from proca_topo.spec.problems import Where
from proca_topo.spec.sections import Declared, Section
from proca_topo.spec.values import check_values
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Kind, Policy
from proca_topo.topology.policy_patterns import certainly_wrong
from proca_topo.topology.taken_values import POLICY_KEYS

_DURATIONS: Final = ("message-ttl", "expires")
_ALTERNATE: Final = "alternate-exchange"
_DEAD_LETTERS: Final = "dead-letter-exchange"
_PLACEHOLDER: Final = re.compile(r"(?<!\{)\{\w+\}(?!\})")


def policy(context: Context, raw: str, doc: PolicyDoc) -> None:
    """Add the policy that `doc` describes."""
    where = context.root.at("policies", raw)
    name = context.name(raw, context.root.key("policies", raw), Kind.POLICY)
    pattern = context.text(with_quantifiers(doc.pattern), where.at("pattern"))
    sample = _PLACEHOLDER.sub("x", pattern).replace("{{", "{").replace("}}", "}")
    if (wrong := certainly_wrong(sample)) is not None:
        context.problem(where.at("pattern"), f"{shown(doc.pattern)} is no regular expression: {wrong}")
    definition = context.table(doc.definition, where.at("definition"))
    for key in _DURATIONS:
        if key in definition:
            definition[key] = _duration(context, key, definition[key], where.at("definition", key))
    for key, value in doc.definition.items():
        if value is None and key in POLICY_KEYS and key not in _DURATIONS:
            context.problem(where.at("definition", key), f"`{key}` {NOTHING}")
    check_values(context, POLICY_KEYS, definition, where.at("definition"), quoted=True)
    user = f"policy {shown(name)}"
    if isinstance(exchange := definition.get(_ALTERNATE), str):
        context.used_exchange(exchange, where.at("definition", _ALTERNATE), (), user=user)
    if isinstance(exchange := definition.get(_DEAD_LETTERS), str):
        at = where.at("definition", _DEAD_LETTERS)
        context.takes_dead_letters(exchange, at, (), user=user, allow=doc.allow)
    noun = Policy(
        name=name,
        pattern=pattern,
        apply_to=doc.apply_to,
        priority=doc.priority,
        definition=Arguments.of(definition),
    )
    add_policy(context, context.section, noun, context.root.key("policies", raw))


def add_policy(context: Context, section: Section, policy: Policy, where: Where) -> None:
    """Put a policy into a section, unless its name is taken."""
    taken = next(
        (s.policies[policy.name] for s in (context.section, *context.outer) if policy.name in s.policies), None
    )
    if taken is None:
        section.policies[policy.name] = Declared(noun=policy, where=where)
    else:
        context.problem(where, f"policy {shown(policy.name)} is declared twice; keep one", taken.where)


def _duration(context: Context, key: str, value: object, where: Where) -> int | None:
    """In milliseconds; None, and a problem, if it is none."""
    try:
        return milliseconds(value)
    except ValueError as error:
        context.problem(where, f"`{key}` {error}")
        return None
