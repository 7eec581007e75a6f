"""topology.yaml, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from proca_topo.errors import SpecError, UsageError
from proca_topo.spec.allowed import check_allowed
from proca_topo.spec.documents import SPEC_VERSION, TopologyDoc
from proca_topo.spec.expansion import Expander, Nouns
from proca_topo.spec.files import TOPOLOGY, is_there, read_text, text_again
from proca_topo.spec.filling import without_unfillable
from proca_topo.spec.mending import Damage, Damages, mended, surviving
from proca_topo.spec.orgs import file_of, org_files, read_org, read_org_doc
from proca_topo.spec.owned import Owned
from proca_topo.spec.placeholders import ORG, names_in
from proca_topo.spec.problems import Problem, Where, in_words
from proca_topo.spec.protected import ProtectedEntry
from proca_topo.spec.sections import Section
from proca_topo.spec.template import Parts, parts_of
from proca_topo.spec.wording import document
from proca_topo.spec.yaml_text import load_yaml
from proca_topo.topology.names import shown


@dataclass(frozen=True, kw_only=True)
class TopologyFile:
    """A valid topology.yaml. `shared` and `template` are its two parts as nouns."""

    directory: Path
    document: TopologyDoc
    owned: Owned
    protected: tuple[ProtectedEntry, ...]
    shared: Section
    template: Section

    @property
    def vhost(self) -> str | None:
        """The vhost that the spec names, if it does."""
        return self.document.vhost

    @property
    def routing_keys(self) -> Mapping[str, tuple[str, ...]]:
        """The shape of the routing keys of shared exchanges that say it: a word, or alternatives like `a|b`."""
        return {name: tuple(doc.keys) for name, doc in self.document.exchanges.items() if doc.keys}

    @property
    def variables_in_use(self) -> tuple[str, ...]:
        """The variables without which an org's objects cannot be told: an org with a file sets them, one that has
        gone does not.
        """
        used = {name for pattern in self.owned.names.patterns for name in names_in(pattern.text)}
        for declared in self.template.everything():
            used.update(name for name in self.owned.patterns if f"{{{name}}}" in str(declared.noun))
        return tuple(sorted(used - {ORG}))

    def has_org_file(self, org: str) -> bool:
        """Whether there is an org of this name."""
        return "/" not in org and is_there(self.directory / file_of(org))

    def org_names(self) -> tuple[str, ...]:
        """All orgs that have a file, sorted."""
        return tuple(org_files(self.directory, []))


def read_topology(directory: Path) -> TopologyFile:
    """Read and check topology.yaml. Org files are looked at only if it is invalid, to tell everything at once.

    Raises UsageError if there is no such file, SpecError with every problem if it is invalid.
    """
    path = directory / TOPOLOGY
    if not is_there(path):
        raise UsageError(
            f"there is no {TOPOLOGY} in {shown(str(directory))}; name its directory with -C DIRECTORY"
        )
    problems: list[Problem] = []
    damages: Damages = {}
    text = read_text(path, TOPOLOGY, problems)
    data, wrong = load_yaml(text, TOPOLOGY) if text is not None else (None, [])
    problems += wrong
    doc: TopologyDoc | None = None
    # Text that is no YAML at all has no shape to complain about; an empty file has.
    if text is not None and (data is not None or not wrong):
        version = data.get("topology") if isinstance(data, dict) else None
        if isinstance(version, int) and not isinstance(version, bool) and version != SPEC_VERSION:
            raise spec_error([_unknown_version(version)], directory)
        doc, misshapen = document(TopologyDoc, data, TOPOLOGY)
        problems += misshapen
        if doc is None or wrong:
            doc, damages[TOPOLOGY] = mended(TopologyDoc, data, flawed=bool(wrong))
    if doc is None:
        for name in org_files(directory, problems):
            read_org_doc(directory, name, problems)
        raise spec_error(problems, directory)
    found: list[Problem] = []
    parts = parts_of(doc, TOPOLOGY, found)
    check_allowed(doc, Where(file=TOPOLOGY), found)
    if problems or found:
        problems += surviving(found, damages)
        if any(_is_of_settings(one) for one in found):
            damages.setdefault(TOPOLOGY, Damage()).hides_settings = True
        problems += _problems_of_orgs(directory, doc, parts, damages)
        raise spec_error(problems, directory)
    return TopologyFile(
        directory=directory,
        document=doc,
        owned=parts.owned,
        protected=parts.protected,
        shared=parts.shared,
        template=parts.template,
    )


def _problems_of_orgs(directory: Path, doc: TopologyDoc, parts: Parts, damages: Damages) -> list[Problem]:
    """What is wrong with the orgs, as far as can be told below a topology.yaml that is wrong itself."""
    problems: list[Problem] = []
    if TOPOLOGY in damages and damages[TOPOLOGY].hides_settings:
        for name in org_files(directory, problems):
            read_org_doc(directory, name, problems)
        return problems
    template = without_unfillable(parts.template, parts.owned.patterns)
    if template != parts.template:
        damages.setdefault(TOPOLOGY, Damage()).hides_names = True
    found: list[Problem] = []
    expander = Expander(
        shared=parts.shared,
        template=template,
        owned=parts.owned,
        options=doc.org.options,
        problems=found,
    )
    nouns = Nouns()
    expander.add_shared(nouns)
    for name in org_files(directory, problems):
        if (org := read_org(directory, name, doc.org, problems, damages)) is not None:
            expander.add(nouns, org)
    expander.check_renames(nouns)
    return [*problems, *surviving(found, damages)]


def spec_error(problems: list[Problem], directory: Path) -> SpecError:
    return SpecError(in_words(problems, partial(text_again, directory)))


def _is_of_settings(problem: Problem) -> bool:
    """Whether it is of the patterns that orgs' names and variables are compared with."""
    return isinstance(problem.where, Where) and problem.where.path[:2] in {("org", "name"), ("org", "vars")}


def _unknown_version(version: int) -> Problem:
    return Problem(
        where=Where(file=TOPOLOGY, path=("topology",)),
        text=f"version {version} of the language is not known here; write `topology: {SPEC_VERSION}`, "
        "or use a proca-topo that knows it",
    )
