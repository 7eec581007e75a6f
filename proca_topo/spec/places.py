"""Where in the spec something is declared, and what is allowed there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from proca_topo.spec.allowed import allowed_in
from proca_topo.spec.expansion import Expander, key_of
from proca_topo.spec.files import TOPOLOGY, text_again
from proca_topo.spec.filling import Values, filler
from proca_topo.spec.orgs import Org, read_org
from proca_topo.spec.placeholders import ORG
from proca_topo.spec.problems import Path, Where, places
from proca_topo.spec.topology_file import TopologyFile
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, Kind, Noun, kind_of

ORG_NAME = Where(file=TOPOLOGY, path=("org", "name"))
"""Where the pattern of orgs' names stands."""


_Named = dict[tuple[Kind, str | Binding], Where]


@dataclass(slots=True, kw_only=True)
class Places:
    """A valid spec, to be asked for places. An org's file is read again only for what it adds to the template."""

    topology: TopologyFile
    desired: Desired
    _template: list[tuple[Kind, Callable[[Values], Noun], Where]] = field(default_factory=list)
    _values: dict[str, dict[str, str]] = field(default_factory=dict)
    _of_orgs: dict[tuple[str, Kind], _Named] = field(default_factory=dict)
    _extras: dict[str, _Named] = field(default_factory=dict)
    _allowed: dict[tuple[str, Path], Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._note(allowed_in(self.topology.document, Where(file=TOPOLOGY)))
        self._template = [
            (kind_of(declared.noun), filler(declared.noun), declared.where)
            for declared in self.topology.template.everything()
        ]
        for (variable, value), org in self.desired.ownership.orgs_by_value.items():
            self._values.setdefault(org, {})[variable] = value

    def of(self, noun: Noun, org: str | None) -> Where:
        """Where an object stands that is for this org, or for all."""
        key, kind = key_of(noun), kind_of(noun)
        if (shared := self.topology.shared.table(kind).get(key)) is not None:
            where: Where = shared.where
            return where
        if org is None:
            return Where(file=TOPOLOGY)
        found = self._from_template(org, kind).get((kind, key))
        return found or self._added_by(org).get((kind, key)) or Where(file=TOPOLOGY)

    def reason(self, where: Where, code: str) -> tuple[Where, str] | None:
        """Why a rule may be broken there: what the innermost element that allows it says, and which that is."""
        for length in range(len(where.path), -1, -1):
            allow = self._allowed.get((where.file, where.path[:length]), {})
            if code in allow:
                return Where(file=where.file, path=where.path[:length]).key("allow", code), allow[code]
        return None

    def allowing(self) -> Iterator[tuple[Where, str]]:
        """Every place at which something is allowed, and the rule, of topology.yaml and of orgs asked about."""
        for (file, path), allow in self._allowed.items():
            for code in allow:
                yield Where(file=file, path=path).key("allow", code), code

    def positions(self, wheres: list[Where]) -> tuple[str, ...]:
        """Each place as `file:line:column`."""
        return places(wheres, partial(text_again, self.topology.directory))

    def _from_template(self, org: str, kind: Kind) -> _Named:
        if (org, kind) not in self._of_orgs:
            plain = {**self._values.get(org, {}), ORG: org}
            if self.topology.document.org.vars.keys() <= plain.keys():
                values = Values(plain)
                made = ((fill(values), where) for of, fill, where in self._template if of is kind)
                self._of_orgs[org, kind] = {(kind, key_of(noun)): where for noun, where in made}
            else:  # another org has the same values
                self._of_orgs[org, kind] = self._added_by(org)
        return self._of_orgs[org, kind]

    def _added_by(self, org: str) -> _Named:
        """What an org has, its own file read again."""
        if org not in self._extras:
            read = read_org(self.topology.directory, org, self.topology.document.org, [])
            self._extras[org] = {} if read is None else self._of_file(read)
        return self._extras[org]

    def _of_file(self, org: Org) -> _Named:
        expander = Expander(
            shared=self.topology.shared,
            template=self.topology.template,
            owned=self.topology.owned,
            options=self.topology.document.org.options,
        )
        filled = expander.filled(org)
        sections = [filled]
        if org.doc.queues or org.doc.bindings:
            self._note(allowed_in(org.doc, Where(file=org.file)))
            sections.append(expander.extras(org, filled))
        declared = (one for section in sections for one in section.everything())
        return {(kind_of(one.noun), key_of(one.noun)): one.where for one in declared}

    def _note(self, allowed: Iterator[tuple[Where, Mapping[str, str]]]) -> None:
        self._allowed.update(((where.file, where.path), allow) for where, allow in allowed)
