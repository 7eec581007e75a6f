"""Which names are ours."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from proca_topo.topology.nouns import Binding, Noun, is_for_our_use, is_reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedPattern:
    """One entry of `owns`, as a regular expression for `fullmatch`; placeholders are named groups."""

    text: str
    regex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredBinding:
    """An entry of `ignore` that names bindings by source and key (every destination)."""

    source: str
    routing_key: str


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """What the spec says is ours. A binding belongs to whoever owns its destination.

    `orgs_by_value` maps a placeholder's value to the org that has it (`("id", "42") -> "acme"`), for orgs whose
    names are not in their objects' names.
    """

    patterns: tuple[OwnedPattern, ...] = ()
    ignored_names: tuple[str, ...] = ()
    ignored_bindings: frozenset[IgnoredBinding] = frozenset()
    orgs_by_value: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def owns(self, noun: Noun) -> bool:
        """Whether this object is ours to change."""
        if isinstance(noun, Binding):
            return self.owns_name(noun.destination) and not self.ignores_binding(noun)
        return self.owns_name(noun.name)

    def owns_name(self, name: str) -> bool:
        """Whether `owns` covers this name and `ignore` does not."""
        return self.covers(name) and not self.ignores_name(name)

    def covers(self, name: str) -> bool:
        """Whether `owns` covers this name, ignored or not. Names that RabbitMQ reserves are never ours to
        declare, nor are those that replacements use.
        """
        return not is_reserved(name) and not is_for_our_use(name) and self._any_pattern.fullmatch(name) is not None

    def ignores_name(self, name: str) -> bool:
        """Whether `ignore` lists this name (its entries are regular expressions here)."""
        return self._any_ignored.fullmatch(name) is not None

    def ignores_binding(self, binding: Binding) -> bool:
        """Whether `ignore` lists this binding by its source and key."""
        return IgnoredBinding(source=binding.source, routing_key=binding.routing_key) in self.ignored_bindings

    def org_of(self, noun: Noun) -> str | None:
        """The org in an owned object's name, None where the name has none.

        A binding is for the org in its destination's name, otherwise for the one in its key.
        """
        return self.org_in(noun.destination if isinstance(noun, Binding) else noun.name)

    def org_in(self, name: str) -> str | None:
        """The org in an owned name: the value of `{org}`, or of a variable that only that org has."""
        for values in self.values_in(name):
            for placeholder, value in values.items():
                if placeholder == "org":
                    return value
                if (org := self.orgs_by_value.get((placeholder, value))) is not None:
                    return org
        return None

    def values_in(self, name: str) -> Iterator[Mapping[str, str]]:
        """The placeholders' values in a name, for every entry of `owns` that covers it."""
        for pattern in self._compiled:
            if (match := pattern.fullmatch(name)) is not None:
                yield match.groupdict()

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern.regex) for pattern in self.patterns)

    @cached_property
    def _any_pattern(self) -> re.Pattern[str]:
        return _union(tuple(_numbered(pattern.regex, index) for index, pattern in enumerate(self.patterns)))

    @cached_property
    def _any_ignored(self) -> re.Pattern[str]:
        return _union(self.ignored_names)


def _numbered(regex: str, index: int) -> str:
    """The regex with group names that no other pattern has: one expression cannot hold a name twice."""
    return re.sub(r"\(\?P([<=])(\w+)", rf"(?P\1\2_{index}", regex)


def _union(regexes: tuple[str, ...]) -> re.Pattern[str]:
    if not regexes:
        return re.compile(r"(?!)")
    return re.compile("|".join(f"(?:{regex})" for regex in regexes))
