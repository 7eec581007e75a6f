"""The template's nouns filled in for one org, fast: for thousands of orgs this is the inner loop."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from proca_topo.spec.placeholders import escaped, wrong_with
from proca_topo.spec.sections import Section
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, Exchange, Kind, Noun, Policy, Queue

_PLACEHOLDER: Final = re.compile(r"(?<!\{)\{\w+\}(?!\})")
_IN_JSON: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]')


@dataclass(frozen=True)
class Values:
    """The values of an org's placeholders: as they are, inside JSON text, and inside a regular expression.

    Most templates need only the first.
    """

    plain: Mapping[str, str]

    @cached_property
    def in_json(self) -> Mapping[str, str]:
        """As they stand between the quotes of a JSON text."""
        return {name: json.dumps(value, ensure_ascii=False)[1:-1] for name, value in self.plain.items()}

    @cached_property
    def in_regex(self) -> Mapping[str, str]:
        """As they stand in a regular expression that matches just them."""
        return {name: escaped(value) for name, value in self.plain.items()}


def filler(noun: Noun) -> Callable[[Values], Noun]:
    """A function that makes this noun for an org."""
    match noun:
        case Exchange():
            return _exchange(noun)
        case Queue():
            return _queue(noun)
        case Binding():
            return _binding(noun)
        case Policy():
            return _policy(noun)


def _exchange(noun: Exchange) -> Callable[[Values], Exchange]:
    arguments = arguments_filler(noun.arguments)
    return lambda values: Exchange(
        name=noun.name.format_map(values.plain),
        type=noun.type,
        durable=noun.durable,
        auto_delete=noun.auto_delete,
        internal=noun.internal,
        arguments=arguments(values),
    )


def _queue(noun: Queue) -> Callable[[Values], Queue]:
    arguments = arguments_filler(noun.arguments)
    return lambda values: Queue(
        name=noun.name.format_map(values.plain),
        durable=noun.durable,
        auto_delete=noun.auto_delete,
        type=noun.type,
        arguments=arguments(values),
    )


def _binding(noun: Binding) -> Callable[[Values], Binding]:
    arguments = arguments_filler(noun.arguments)
    return lambda values: Binding(
        source=noun.source.format_map(values.plain),
        destination=noun.destination.format_map(values.plain),
        destination_type=noun.destination_type,
        routing_key=noun.routing_key.format_map(values.plain),
        arguments=arguments(values),
    )


def _policy(noun: Policy) -> Callable[[Values], Policy]:
    definition = arguments_filler(noun.definition)
    return lambda values: Policy(
        name=noun.name.format_map(values.plain),
        pattern=noun.pattern.format_map(values.in_regex),
        apply_to=noun.apply_to,
        priority=noun.priority,
        definition=definition(values),
    )


def arguments_filler(arguments: Arguments) -> Callable[[Values], Arguments]:
    """A function that makes these arguments for an org."""
    if "{" not in arguments.canonical[1:]:
        return lambda _: arguments
    # JSON's own braces are doubled, so that only the placeholders inside its strings are left to fill in.
    text = _IN_JSON.sub(lambda match: match[0] * 2 if len(match[0]) == 1 else match[0], arguments.canonical)
    return lambda values: Arguments(text.format_map(values.in_json))


def without_unfillable(section: Section, placeholders: Collection[str]) -> Section:
    """A section of the template without what has placeholders that are none of these: nothing can fill it in."""
    tables = {
        kind: {
            key: one
            for key, one in section.table(kind).items()
            if all(wrong_with(text, placeholders) is None for text in _texts(one.noun))
        }
        for kind in Kind
    }
    circuits = {
        name: one
        for name, one in section.circuits.items()
        if all(wrong_with(text, placeholders) is None for text in (one.fail, one.wait, one.return_))
    }
    return replace(
        section,
        exchanges=tables[Kind.EXCHANGE],
        queues=tables[Kind.QUEUE],
        bindings=tables[Kind.BINDING],
        policies=tables[Kind.POLICY],
        circuits=circuits,
    )


def _texts(noun: Noun) -> Iterator[str]:
    match noun:
        case Exchange() | Queue():
            yield noun.name
            yield from _texts_in(noun.arguments.to_dict())
        case Binding():
            yield from (noun.source, noun.destination, noun.routing_key)
            yield from _texts_in(noun.arguments.to_dict())
        case Policy():
            yield from (noun.name, noun.pattern)
            yield from _texts_in(noun.definition.to_dict())


def _texts_in(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts_in(item)
        case dict():
            for key, item in value.items():
                yield key
                yield from _texts_in(item)
