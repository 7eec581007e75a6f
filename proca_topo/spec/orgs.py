"""The files of the orgs: found, read, and checked against what the template offers."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from proca_topo.spec.allowed import check_allowed
from proca_topo.spec.documents import OrgDoc, OrgTemplateDoc
from proca_topo.spec.files import read_text
from proca_topo.spec.mending import Damages, mended, surviving
from proca_topo.spec.placeholders import ORG
from proca_topo.spec.problems import Position, Problem, Where, nearest
from proca_topo.spec.wording import document
from proca_topo.spec.yaml_text import load_yaml
from proca_topo.topology.names import NO_TEXT, shown

FOLDER: Final = "orgs"
SUFFIX: Final = ".yaml"
_TRIVIAL: Final = frozenset({"", "{}"})
_DEFAULTS: Final = OrgDoc.model_validate({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """An org as its file describes it. `values` are those of all its placeholders."""

    name: str
    file: str
    doc: OrgDoc
    options: Mapping[str, bool]
    values: Mapping[str, str]

    @property
    def switched_on(self) -> frozenset[str]:
        """The options that are on."""
        return frozenset(option for option, on in self.options.items() if on)


def file_of(org: str) -> str:
    """The path of an org's file, relative to the directory of topology.yaml."""
    return f"{FOLDER}/{org}{SUFFIX}"


def org_files(directory: Path, problems: list[Problem]) -> Iterator[str]:
    """The names of the orgs that have a file, sorted. No folder means no orgs.

    What is in the folder and no org file is a problem: an org whose file is misnamed must not look like one that
    has gone. Hidden files and *.md are left alone.
    """
    folder = directory / FOLDER
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        # A link to a folder that is not there must not look like orgs that have all gone.
        if isinstance(error, FileNotFoundError) and not folder.is_symlink():
            return
        problems.append(Problem(where=Position(file=FOLDER), text=f"cannot be read: {error.strerror}"))
        return
    for entry in entries:
        stem, dot, ending = entry.name.rpartition(".")
        suffix = dot + ending
        if entry.name.startswith(".") or suffix == ".md":
            continue
        where = Position(file=f"{FOLDER}/{entry.name}")
        if suffix != SUFFIX:
            hint = f"rename it to {shown(stem + SUFFIX)}" if suffix == ".yml" else "rename it or move it elsewhere"
            problems.append(Problem(where=where, text=f"an org's file is named ORG{SUFFIX}; {hint}"))
        elif not _is_file(entry):
            problems.append(Problem(where=where, text="not a file; an org is described by a file"))
        else:
            yield stem


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself, or through a folder that may not be looked into
        return False


def read_org(
    directory: Path, name: str, template: OrgTemplateDoc, problems: list[Problem], damages: Damages | None = None
) -> Org | None:
    """One org, None if its file cannot be made sense of. Problems are added to `problems`.

    With `damages`, an org whose file is wrong in parts comes without those, and they are noted there.
    """
    doc = read_org_doc(directory, name, problems, damages)
    return None if doc is None else _org(name, doc, template, problems, damages)


def read_org_doc(
    directory: Path, name: str, problems: list[Problem], damages: Damages | None = None
) -> OrgDoc | None:
    """An org's document, not yet compared with the template."""
    file = file_of(name)
    text = read_text(directory / file, file, problems)
    return None if text is None else _doc(file, text, problems, damages)


def parse_org(name: str, text: str, template: OrgTemplateDoc, problems: list[Problem]) -> Org | None:
    """The org that a file with this text would describe."""
    doc = _doc(file_of(name), text, problems)
    return None if doc is None else _org(name, doc, template, problems)


def _doc(file: str, text: str, problems: list[Problem], damages: Damages | None = None) -> OrgDoc | None:
    if (flawless := _flawless(text)) is not None:
        return flawless
    data, wrong = load_yaml(text, file)
    problems.extend(wrong)
    # Text that is no YAML at all has no form to complain about.
    if data is None and wrong:
        return None
    doc, misshapen = document(OrgDoc, data, file)
    problems.extend(misshapen)
    if damages is None:
        return doc if not wrong else None
    if doc is None or wrong:
        doc, damages[file] = mended(OrgDoc, data, flawed=bool(wrong))
    return doc


@lru_cache(maxsize=1024)
def _flawless(text: str) -> OrgDoc | None:
    """What a text says, None if anything is wrong with it. Most orgs choose among a few sets of options."""
    if text.strip() in _TRIVIAL:
        return _DEFAULTS
    data, wrong = load_yaml(text, "")
    doc, misshapen = document(OrgDoc, data, "")
    return None if wrong or misshapen else doc


def org_name_problem(name: str, template: OrgTemplateDoc) -> str | None:
    """Why this cannot be an org's name, in words; None if it can."""
    if "/" in name or name.startswith(".") or not name.isprintable():
        return f"an org cannot be named {shown(name)}: that is no name for its file"
    if re.fullmatch(template.name, name) is None:
        return f"an org cannot be named {shown(name) or NO_TEXT}; its name must match {template.name}"
    return None


def value_problem(variable: str, value: str, template: OrgTemplateDoc) -> str | None:
    """Why this cannot be a variable's value, in words; None if it can."""
    pattern = template.vars[variable]
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):  # noqa: PLR2004 - surrogates: bytes that are no UTF-8
        return f"{variable} cannot be {shown(value)}: that is not UTF-8"
    if re.fullmatch(pattern, value) is None:
        return f"{variable} cannot be {shown(value)}; it must match {pattern}"
    return None


def _org(
    name: str, doc: OrgDoc, template: OrgTemplateDoc, problems: list[Problem], damages: Damages | None = None
) -> Org | None:
    file = file_of(name)
    unknown = list(_unknown(doc, template, Where(file=file)))
    damage = None if damages is None else damages.get(file)
    settings_are_known = damage is None or not damage.hides_settings
    wrong = list(_wrong(name, doc, template, Where(file=file), all_are_known=settings_are_known))
    problems.extend(unknown)
    problems.extend(wrong)
    if doc.queues or doc.bindings:
        found: list[Problem] = []
        check_allowed(doc, Where(file=file), found)
        problems.extend(surviving(found, damages or {}))
        unknown += found
    if wrong or not settings_are_known or (unknown and damages is None):
        return None
    options = {option: doc.options.get(option, offered.default) for option, offered in template.options.items()}
    if not doc.options.keys() <= template.options.keys():
        # What it has not switched on may be what it has misspelt.
        options = dict.fromkeys(options, True)
    return Org(name=name, file=file, doc=doc, options=options, values={ORG: name, **doc.vars})


def _unknown(doc: OrgDoc, template: OrgTemplateDoc, where: Where) -> Iterator[Problem]:
    for option in doc.options:
        if option not in template.options:
            advice = nearest(option, template.options, "; the template has no options")
            yield Problem(where=where.key("options", option), text=f"unknown option {shown(option)}{advice}")
    for variable in doc.vars:
        if variable not in template.vars:
            advice = nearest(variable, template.vars, "; the template has no variables")
            yield Problem(where=where.key("vars", variable), text=f"unknown variable {shown(variable)}{advice}")


def _wrong(
    name: str, doc: OrgDoc, template: OrgTemplateDoc, where: Where, *, all_are_known: bool
) -> Iterator[Problem]:
    """What is wrong with an org's name and with its variables: what is missing only if `all_are_known`."""
    if (wrong := org_name_problem(name, template)) is not None:
        yield Problem(where=Position(file=where.file), text=wrong)
    for variable, pattern in template.vars.items():
        if variable in doc.vars:
            if (wrong := value_problem(variable, doc.vars[variable], template)) is not None:
                yield Problem(where=where.at("vars", variable), text=wrong)
        elif all_are_known:
            text = f"the variable {variable} is missing; write `vars: {{{variable}: …}}`, it must match {pattern}"
            yield Problem(where=where.key("vars"), text=text)
