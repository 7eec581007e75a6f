"""The files of orgs: written for a new org, removed for one that leaves."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from proca_topo.errors import FileError, RefusedError, UsageError
from proca_topo.spec.documents import OrgTemplateDoc
from proca_topo.spec.files import is_there
from proca_topo.spec.orgs import file_of, org_name_problem, value_problem
from proca_topo.spec.problems import nearest
from proca_topo.spec.read import problems_of_new_org
from proca_topo.spec.topology_file import TopologyFile
from proca_topo.topology.names import shown

_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrgFile:
    """The file of a new org, not yet written. `path` is where it goes, `text` is YAML."""

    path: Path
    text: str

    def write(self) -> None:
        """Write it. Raises RefusedError if a file is there by now, FileError if it cannot be written."""
        try:
            self.path.parent.mkdir(exist_ok=True)
            # A file that is empty because the disk is full would be an org with the defaults.
            partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            try:
                partial.write_text(self.text, encoding="utf-8")
                os.link(partial, self.path)
            finally:
                partial.unlink(missing_ok=True)
        except FileExistsError as error:
            if not is_there(self.path):
                raise FileError(
                    f"cannot write {shown(str(self.path))}: no directory can be made for it"
                ) from error
            raise _exists(self.path) from error
        except OSError as error:
            raise FileError(f"cannot write {shown(str(self.path))}: {error.strerror or error}") from error


def new_org_file(
    topology: TopologyFile, org: str, *, switched_on: Sequence[str], settings: Sequence[str]
) -> NewOrgFile:
    """The file for a new org with these options on and these `KEY=VALUE` settings.

    A key is a variable, or an option to set to true or false.

    Raises UsageError for names and values that the template does not know or does not allow, and for an org that
    would have the names of another; RefusedError if the org exists.
    """
    template = topology.document.org
    if (wrong := org_name_problem(org, template)) is not None:
        raise UsageError(wrong)
    path = topology.directory / file_of(org)
    if is_there(path):
        raise _exists(path)
    options, variables = _asked_for(template, switched_on, settings)
    missing = [name for name in template.vars if name not in variables]
    if missing:
        flags = " ".join(f"--set {name}=…" for name in missing)
        raise UsageError(f"org {shown(org)} needs a value for {', '.join(missing)}; add {flags}")
    table: dict[str, Any] = {}
    if variables:
        table["vars"] = {name: _as_number(variables[name]) for name in template.vars}
    if options:
        table["options"] = {name: options[name] for name in template.options if name in options}
    text = _yaml(table)
    if problems := problems_of_new_org(topology, org, text):
        raise UsageError("\n".join((f"org {shown(org)} would make the spec invalid:", *problems)))
    return NewOrgFile(path=path, text=text)


def remove_org_file(topology: TopologyFile, org: str) -> Path:
    """Remove an org's file; its objects stay on the broker until they are pruned. Returns its path.

    Raises UsageError if there is no such org, FileError if the file cannot be removed.
    """
    path = topology.directory / file_of(org)
    if not topology.has_org_file(org):
        raise UsageError(f"there is no org {shown(org)}{nearest(org, topology.org_names())}")
    try:
        path.unlink()
    except OSError as error:
        raise FileError(f"cannot remove {shown(str(path))}: {error.strerror or error}") from error
    return path


def _asked_for(
    template: OrgTemplateDoc, switched_on: Sequence[str], settings: Sequence[str]
) -> tuple[Mapping[str, bool], Mapping[str, str]]:
    """The options and variables that the command line names."""
    options: dict[str, bool] = {}
    variables: dict[str, str] = {}
    for option in switched_on:
        if option not in template.options:
            none = "; the template has no options"
            raise UsageError(f"unknown option {shown(option)}{nearest(option, template.options, none)}")
        options[option] = True
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"{shown(setting)} is not KEY=VALUE; write --set {shown(key)}=VALUE")
        if key in template.vars:
            _set_variable(template, variables, key, value)
        elif key in template.options:
            _set_option(options, key, value)
        else:
            known = [*template.vars, *template.options]
            none = "; the template has no variables and no options"
            raise UsageError(f"unknown variable or option {shown(key)}{nearest(key, known, none)}")
    return options, variables


def _set_variable(template: OrgTemplateDoc, variables: dict[str, str], key: str, value: str) -> None:
    if (wrong := value_problem(key, value, template)) is not None:
        raise UsageError(wrong)
    if variables.setdefault(key, value) != value:
        raise UsageError(f"{key} is set twice, to {shown(variables[key])} and to {shown(value)}; keep one")


def _set_option(options: dict[str, bool], key: str, value: str) -> None:
    if value not in _BOOLEANS:
        raise UsageError(f"{key} is an option; set it to true or false, not {shown(value)}")
    if options.setdefault(key, _BOOLEANS[value]) != _BOOLEANS[value]:
        raise UsageError(f"{key} is switched on and off; keep one")


def _as_number(value: str) -> str | int:
    """A whole number where that is the same text again, for it reads better without quotes."""
    plain = value.isascii() and value.isdigit() and len(value) <= 18 and (value == "0" or value[0] != "0")  # noqa: PLR2004
    return int(value) if plain else value


def _yaml(table: dict[str, Any]) -> str:
    """One line for each key; `{}` for an org that takes all defaults."""
    if not table:
        return "{}\n"
    lines = []
    for key, inner in table.items():
        # Unprintable characters are escaped: among them are some that YAML takes for the end of a line.
        printable = all(str(value).isprintable() for value in inner.values())
        flow = yaml.safe_dump(
            inner, default_flow_style=True, sort_keys=False, allow_unicode=printable, width=float("inf")
        )
        lines.append(f"{key}: {flow}")
    return "".join(lines)


def _exists(path: Path) -> RefusedError:
    return RefusedError(f"{shown(str(path))} exists and is left as it is; change that file instead")
