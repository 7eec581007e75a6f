"""Where in the spec something is declared, and what is allowed there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from proca_topo.spec.allowed import allowed_in
from proca_topo.spec.expansion import Expander, key_of
from proca_topo.spec.files import TOPOLOGY, text_again
from proca_topo.spec.orgs import Org, read_org
from proca_topo.spec.problems import Path, Where, places
from proca_topo.spec.read import TopologyFile
from proca_topo.spec.sections import Section
from proca_topo.topology.nouns import Noun, kind_of

ORG_NAME = Where(file=TOPOLOGY, path=("org", "name"))
"""Where the pattern of orgs' names stands."""


@dataclass(slots=True, kw_only=True)
class Places:
    """A valid spec, to be asked for places. Orgs are read again, those only that are asked about."""

    topology: TopologyFile
    _orgs: dict[str, tuple[Section, ...]] = field(default_factory=dict)
    _allowed: dict[tuple[str, Path], Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._note(allowed_in(self.topology.document, Where(file=TOPOLOGY)))

    def of(self, noun: Noun, org: str | None) -> Where:
        """Where an object stands that is for this org, or for all."""
        key, kind = key_of(noun), kind_of(noun)
        for section in self._sections(org):
            if (declared := section.table(kind).get(key)) is not None:
                where: Where = declared.where
                return where
        return Where(file=TOPOLOGY)

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

    def _sections(self, org: str | None) -> tuple[Section, ...]:
        if org is None:
            return (self.topology.shared,)
        if org not in self._orgs:
            read = read_org(self.topology.directory, org, self.topology.document.org, [])
            self._orgs[org] = () if read is None else self._of_org(read)
        return (*self._orgs[org], self.topology.shared)

    def _of_org(self, org: Org) -> tuple[Section, ...]:
        expander = Expander(
            shared=self.topology.shared,
            template=self.topology.template,
            owned=self.topology.owned,
            options=self.topology.document.org.options,
        )
        filled = expander.filled(org)
        if not org.doc.queues and not org.doc.bindings:
            return (filled,)
        self._note(allowed_in(org.doc, Where(file=org.file)))
        return (filled, expander.extras(org, filled))

    def _note(self, allowed: Iterator[tuple[Where, Mapping[str, str]]]) -> None:
        self._allowed.update(((where.file, where.path), allow) for where, allow in allowed)
