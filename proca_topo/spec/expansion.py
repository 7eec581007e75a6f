"""The template and the extras of each org, expanded."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from proca_topo.spec.build import build
from proca_topo.spec.context import Context
from proca_topo.spec.filling import Values, filler
from proca_topo.spec.orgs import Org, file_of
from proca_topo.spec.owned import Owned
from proca_topo.spec.problems import Problem, Where
from proca_topo.spec.renames import for_org, problems_between
from proca_topo.spec.routes import OrgRoute
from proca_topo.spec.sections import Declared, Rename, Route, Section, are_met
from proca_topo.topology.names import MAX_NAME_BYTES, shown
from proca_topo.topology.nouns import Binding, Exchange, Kind, Noun, Policy, Queue, is_reserved, kind_of
from proca_topo.topology.ownership import IgnoredBinding

Made = list[tuple[Callable[[Values], Noun], Kind, Where]]


@dataclass(slots=True, kw_only=True)
class Nouns:
    """Nouns of any number of orgs, by kind and name (bindings by themselves), and whose they are.

    `renames` are by the new name. `waiting` are the queues in which messages of a retry circuit wait,
    `returning` the exchanges of circuits alone that bring them back. `routes` are the contracts in the files of
    single orgs.
    """

    by_kind: dict[Kind, dict[Any, Any]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    orgs: dict[Kind, dict[str | Binding, str]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    renames: dict[str, Rename] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    returning: set[str] = field(default_factory=set)
    routes: dict[str, list[Route]] = field(default_factory=dict)

    @property
    def exchanges(self) -> dict[str, Exchange]:
        """All exchanges."""
        return self.by_kind[Kind.EXCHANGE]

    @property
    def queues(self) -> dict[str, Queue]:
        """All queues."""
        return self.by_kind[Kind.QUEUE]

    @property
    def bindings(self) -> frozenset[Binding]:
        """All bindings."""
        return frozenset(self.by_kind[Kind.BINDING])

    @property
    def policies(self) -> dict[str, Policy]:
        """All policies."""
        return self.by_kind[Kind.POLICY]


@dataclass(slots=True, kw_only=True)
class Expander:
    """Makes the nouns of orgs from the template. One object for all orgs, so that what they share is done once."""

    shared: Section
    template: Section
    owned: Owned
    options: Mapping[str, object]
    problems: list[Problem] = field(default_factory=list)
    _fillers: dict[frozenset[str], Made] = field(default_factory=dict)
    _extra_places: dict[tuple[Kind, Any], Where] = field(default_factory=dict)
    _shared: dict[Kind, dict[Any, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._shared = {kind: self.shared.table(kind) for kind in Kind}

    def add_shared(self, nouns: Nouns) -> None:
        """Add what no org owns."""
        for declared in self.shared.everything():
            noun = declared.noun
            nouns.by_kind[kind_of(noun)][key_of(noun)] = noun
        nouns.renames.update(self.shared.renames)

    def add(self, nouns: Nouns, org: Org) -> None:
        """Add what this org has switched on, and note names that are taken or impossible."""
        values = Values(org.values)
        on = org.switched_on
        for make, kind, where in self._switched_on(on):
            self._put(nouns, org, kind, make(values), where)
        nouns.waiting.update(one.wait.format_map(org.values) for one in self.template.circuits.values())
        nouns.returning.update(name.format_map(org.values) for name in self.template.returning())
        self._add_renames(nouns, on, (for_org(one, org.values) for one in self.template.renames.values()))
        if org.doc.queues or org.doc.bindings or org.doc.routes:
            extras = self.extras(org, self.filled(org))
            for declared in extras.everything():
                if are_met(declared.needs, on):
                    kind = kind_of(declared.noun)
                    self._extra_places.setdefault((kind, key_of(declared.noun)), declared.where)
                    self._put(nouns, org, kind, declared.noun, declared.where)
            self._add_renames(nouns, on, extras.renames.values())
            nouns.routes[org.name] = extras.routes

    def check_renames(self, nouns: Nouns) -> None:
        """Note queues that are to become another one and are wanted all the same, or are to become two."""
        # Where single orgs are loaded, what all share is not among the nouns.
        renames = {**self.shared.renames, **nouns.renames}
        queues = nouns.queues.keys() | self.shared.queues.keys() if renames else frozenset()
        self.problems.extend(problems_between(renames.values(), queues))

    def routes(self, nouns: Nouns, orgs: Iterable[Org]) -> Iterator[OrgRoute]:
        """The contracts of these orgs, which have been added to `nouns`: the template's, and their own."""
        for org in orgs:
            for route in (*self.template.routes, *nouns.routes.get(org.name, ())):
                yield OrgRoute(route=route, org=org)

    def filled(self, org: Org) -> Section:
        """The template for this org, as if every option were on."""
        values = Values(org.values)
        section = Section()
        for declared in self.template.everything():
            noun = filler(declared.noun)(values)
            section.table(kind_of(noun))[key_of(noun)] = Declared(
                noun=noun, where=declared.where, needs=declared.needs
            )
        for name, circuit in self.template.circuits.items():
            section.circuits[name] = replace(
                circuit,
                fail=circuit.fail.format_map(org.values),
                wait=circuit.wait.format_map(org.values),
                return_=circuit.return_.format_map(org.values),
            )
        for rename in self.template.renames.values():
            one = for_org(rename, org.values)
            section.renames[one.new] = one
        return section

    def extras(self, org: Org, filled: Section) -> Section:
        """What the org's own file declares, whatever it has switched on."""
        context = Context(
            root=Where(file=org.file),
            owned=self.owned,
            placeholders=tuple(self.owned.patterns),
            values=org.values,
            options=self.options.keys(),
            switched_on=org.switched_on,
            outer=(filled, self.shared),
            problems=self.problems,
        )
        build(context, org.doc)
        for name, declared in context.section.queues.items():
            if (other := self._other_org(name, org)) is not None:
                self.problems.append(
                    Problem(
                        where=declared.where,
                        text=f"queue {shown(name)} has another org's {shown(other)} in its name; "
                        "write {org} there, or declare it in that org's file",
                    )
                )
        for rename in context.section.renames.values():
            if (other := self._other_org(rename.old, org)) is not None:
                self.problems.append(
                    Problem(
                        where=rename.where,
                        text=f"queue {shown(rename.old)} has another org's {shown(other)} in its name, and "
                        "no queue goes from one org to another; write {org} there",
                    )
                )
        return context.section

    @staticmethod
    def _add_renames(nouns: Nouns, on: frozenset[str], renames: Iterable[Rename]) -> None:
        nouns.renames.update({one.new: one for one in renames if are_met(one.needs, on)})

    def _other_org(self, name: str, org: Org) -> str | None:
        found = [values for values in self.owned.names.values_in(name) if values]
        if any(values.items() <= org.values.items() for values in found):
            return None
        strange = (value for values in found for key, value in values.items() if org.values[key] != value)
        return next(strange, None)

    def _switched_on(self, on: frozenset[str]) -> Made:
        if on not in self._fillers:
            self._fillers[on] = [
                (filler(declared.noun), kind_of(declared.noun), declared.where)
                for declared in self.template.everything()
                if are_met(declared.needs, on)
            ]
        return self._fillers[on]

    def _put(self, nouns: Nouns, org: Org, kind: Kind, noun: Noun, where: Where) -> None:
        key = key_of(noun)
        table = nouns.by_kind[kind]
        # Where single orgs are loaded, what all share is not among the nouns; its names are taken all the same.
        if key in self._shared[kind] or table.setdefault(key, noun) is not noun:
            self._taken(org, noun, where, nouns.orgs[kind].get(key))
            return
        nouns.orgs[kind][key] = org.name
        text = noun.routing_key if isinstance(noun, Binding) else noun.name
        # Four bytes are the most that UTF-8 makes of a character.
        if len(text) > MAX_NAME_BYTES // 4 or text.startswith("amq.") or self._ignores_something:
            self._check(org, noun, text, where)

    def _check(self, org: Org, noun: Noun, text: str, where: Where) -> None:
        """Check a filled-in name or routing key; what an org's own file says has been checked in reading it."""
        if where.file == org.file:
            return
        what = f"{kind_of(noun)} {shown(noun.name)}"
        if (size := len(text.encode())) > MAX_NAME_BYTES:
            part = "routing key" if isinstance(noun, Binding) else "name"
            too_long = (
                f"the {part} of {what} is {size} bytes long; RabbitMQ takes at most {MAX_NAME_BYTES} (PT010)"
            )
            self._problem(org, too_long, where, "made at")
        if isinstance(noun, Binding):
            ignored = self.owned.ignored_bindings.get(
                IgnoredBinding(source=noun.source, routing_key=noun.routing_key)
            )
        else:
            ignored = self.owned.ignored(noun.name)
            if is_reserved(noun.name):
                self._problem(
                    org, f"{what} would be RabbitMQ's own (amq.*); rename this org (PT011)", where, "made at"
                )
        if ignored is not None:
            self._problem(org, f"{what} is ignored; declare it or ignore it, not both", ignored, "ignored at")

    @property
    def _ignores_something(self) -> bool:
        return bool(self.owned.ignored_names) or bool(self.owned.ignored_bindings)

    def _taken(self, org: Org, noun: Noun, where: Where, owner: str | None) -> None:
        kind, key = kind_of(noun), key_of(noun)
        what = f"{kind} {shown(noun.name)}"
        here = where if where.file == org.file else Where(file=org.file)
        if owner is None:
            other = self.shared.table(kind)[key].where
            text = f"{what} is declared twice, for this org and for all; rename one"
        else:
            other = self._extra_places.get((kind, key), Where(file=file_of(owner)))
            twice = "twice for this org" if owner == org.name else f"twice, for this org and for {shown(owner)}"
            text = f"{what} is declared {twice}; each needs its own"
        self.problems.append(Problem(where=here, text=text, other=other))

    def _problem(self, org: Org, text: str, other: Where, other_is: str) -> None:
        self.problems.append(Problem(where=Where(file=org.file), text=text, other=other, other_is=other_is))


def key_of(noun: Noun) -> str | Binding:
    """What a noun is kept by: its name; a binding by itself."""
    return noun if isinstance(noun, Binding) else noun.name
