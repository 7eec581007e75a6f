"""topology.yaml as its two parts: what all orgs share, and the template that each org is made from."""

import re
from dataclasses import dataclass
from typing import Final

from proca_topo.spec.build import build
from proca_topo.spec.context import Context
from proca_topo.spec.documents import TopologyDoc
from proca_topo.spec.owned import Owned, owned
from proca_topo.spec.placeholders import ORG, wrong_with_regex
from proca_topo.spec.problems import Problem, Where
from proca_topo.spec.protected import ProtectedEntry, protected
from proca_topo.spec.sections import Section
from proca_topo.topology.names import shown

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTION: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# Stands in for a pattern that is wrong, so that the rest can still be checked.
_ANYTHING: Final = ".+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What topology.yaml says, as nouns."""

    owned: Owned
    protected: tuple[ProtectedEntry, ...]
    shared: Section
    template: Section


def parts_of(doc: TopologyDoc, file: str, problems: list[Problem]) -> Parts:
    """Both parts; whatever is wrong is added to `problems`."""
    root = Where(file=file)
    patterns = _patterns(doc, root.at("org"), problems)
    ownership = owned(doc, patterns, file, problems)
    protected_names = protected(doc, patterns, file, problems)
    shared = Context(root=root, owned=ownership, problems=problems)
    build(shared, doc)
    template = Context(
        root=root.at("org"),
        owned=ownership,
        placeholders=tuple(patterns),
        options=doc.org.options.keys(),
        outer=(shared.section,),
        problems=problems,
    )
    build(template, doc.org)
    return Parts(owned=ownership, protected=protected_names, shared=shared.section, template=template.section)


def _patterns(doc: TopologyDoc, where: Where, problems: list[Problem]) -> dict[str, str]:
    """The placeholders and their regular expressions."""
    patterns = {ORG: doc.org.name}
    if (wrong := wrong_with_regex(doc.org.name)) is not None:
        problems.append(Problem(where=where.at("name"), text=wrong))
        patterns[ORG] = _ANYTHING
    for name, pattern in doc.org.vars.items():
        key = where.key("vars", name)
        if name == ORG:
            problems.append(Problem(where=key, text="{org} is always the org's name; choose another name"))
            continue
        if _VARIABLE.fullmatch(name) is None:
            text = f"{shown(name)} cannot be a variable's name; use letters, digits and _, a letter first"
            problems.append(Problem(where=key, text=text))
            continue
        patterns[name] = pattern
        if (wrong := wrong_with_regex(pattern)) is not None:
            problems.append(Problem(where=where.at("vars", name), text=wrong))
            patterns[name] = _ANYTHING
    for option in doc.org.options:
        key = where.key("options", option)
        if _OPTION.fullmatch(option) is None:
            text = f"{shown(option)} cannot be an option's name; use letters, digits, - and _, a letter first"
            problems.append(Problem(where=key, text=text))
        elif option in doc.org.vars:
            text = f"{option} is an option and a variable; rename one"
            problems.append(Problem(where=key, text=text, other=where.key("vars", option)))
    return patterns
