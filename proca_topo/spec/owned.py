"""`owns` and `ignore`: as ownership over names, and over the template's names before any org fills them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from proca_topo.spec.documents import TopologyDoc
from proca_topo.spec.parts import IgnoredBindingDoc
from proca_topo.spec.placeholders import (
    ORG,
    escaped,
    is_glob,
    names_in,
    regex_of_glob,
    symbolic,
    token,
    wrong_with,
)
from proca_topo.spec.problems import Problem, Where
from proca_topo.topology.nouns import is_reserved
from proca_topo.topology.ownership import IgnoredBinding, OwnedPattern, Ownership


@dataclass(frozen=True, kw_only=True)
class Owned:
    """Ownership in both readings. `patterns` are the placeholders' regular expressions."""

    names: Ownership
    templates: Ownership
    patterns: Mapping[str, str]
    ignored_names: Mapping[re.Pattern[str], Where]
    ignored_bindings: Mapping[IgnoredBinding, Where]

    def covers(self, name: str) -> bool:
        """Whether `owns` covers a name, or all that a template's name can become."""
        return self.templates.covers(self._with_tokens(name)) or (not names_in(name) and self.names.covers(name))

    def ignored(self, name: str) -> Where | None:
        """The entry of `ignore` that covers a name (or some of what a template's name can become)."""
        if not self.ignored_names:
            return None
        text = self._with_tokens(name)
        return next((where for regex, where in self.ignored_names.items() if regex.fullmatch(text)), None)

    def part_of(self, values: Mapping[str, str]) -> tuple[frozenset[str], tuple[str, ...]]:
        """What `owns` gives to one org, whose placeholders have these values: names, and regular expressions
        for entries with globs. Entries without any placeholder are nobody's own.
        """
        exact = {name: escaped(value) for name, value in values.items()}
        own = [pattern.text for pattern in self.names.patterns if names_in(pattern.text)]
        names = frozenset(text.format_map(values) for text in own if not is_glob(text))
        return names, tuple(regex_of_glob(text, exact, named=False) for text in own if is_glob(text))

    @property
    def variables(self) -> frozenset[str]:
        """The variables in `owns`."""
        return frozenset(name for pattern in self.names.patterns for name in names_in(pattern.text)) - {ORG}

    def of_others(self, others: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
        """A regular expression for each entry that gives something to an org, behind a text that stands in all it
        matches. `others` are the values of orgs' placeholders.
        """
        tokens = {name: token(name) for name in self.patterns}
        placeholders = {pattern.text: names_in(pattern.text) for pattern in self.names.patterns}
        # Made once, and then filled in for thousands of orgs.
        regexes = {text: regex_of_glob(text, tokens, named=False) for text, names in placeholders.items() if names}
        for values in others:
            for text, regex in regexes.items():
                filled = regex
                for name in placeholders[text]:
                    filled = filled.replace(tokens[name], escaped(values[name]))
                yield values[placeholders[text][0]], filled

    def _with_tokens(self, name: str) -> str:
        return symbolic(name, self.patterns) if wrong_with(name, self.patterns) is None else name


def wrong_with_entry(text: str, patterns: Mapping[str, str]) -> str | None:
    """What is wrong with an entry of `owns` or `protect`, in words; None if nothing is."""
    if (wrong := wrong_with(text, patterns)) is not None:
        return wrong
    if is_reserved(text):
        return "the default exchange and names that begin with amq. are RabbitMQ's own; remove this entry"
    return None


def owned(doc: TopologyDoc, patterns: Mapping[str, str], file: str, problems: list[Problem]) -> Owned:
    """Ownership as the document says; entries that are wrong are reported and left out."""
    root = Where(file=file)
    texts: list[str] = []
    for index, text in enumerate(doc.owns):
        wrong = wrong_with_entry(text, patterns)
        if wrong is None:
            texts.append(text)
        else:
            problems.append(Problem(where=root.at("owns", index), text=wrong, depends=bool(names_in(text))))
    # A template's name is ignored if the entry names the placeholder, or something that it can become.
    either = {name: f"{escaped(token(name))}|{pattern}" for name, pattern in patterns.items()}
    regexes: list[str] = []
    names: dict[re.Pattern[str], Where] = {}
    bindings: dict[IgnoredBinding, Where] = {}
    for index, entry in enumerate(doc.ignore):
        where = root.at("ignore", index)
        if isinstance(entry, IgnoredBindingDoc):
            for part, text in (("exchange", entry.exchange), ("key", entry.key)):
                if (wrong := wrong_with(text, ())) is not None:
                    problems.append(Problem(where=where.at(part), text=wrong))
            bindings[IgnoredBinding(source=entry.exchange, routing_key=entry.key)] = where
        elif (wrong := wrong_with(entry, patterns)) is not None:
            problems.append(Problem(where=where, text=wrong, depends=bool(names_in(entry))))
        else:
            regexes.append(regex_of_glob(entry, patterns, named=False))
            names[re.compile(regex_of_glob(entry, either, named=False))] = where
    ownership = Ownership(
        patterns=tuple(OwnedPattern(text=text, regex=regex_of_glob(text, patterns)) for text in texts),
        ignored_names=tuple(regexes),
        ignored_bindings=frozenset(bindings),
    )
    tokens = {name: escaped(token(name)) for name in patterns}
    return Owned(
        names=ownership,
        templates=replace(
            ownership,
            patterns=tuple(OwnedPattern(text=text, regex=regex_of_glob(text, tokens)) for text in texts),
        ),
        patterns=patterns,
        ignored_names=names,
        ignored_bindings=bindings,
    )
