"""`proca-topo validate`."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from proca_topo.cli import options, output
from proca_topo.errors import ExitCode, SpecError, UsageError
from proca_topo.topology.names import shown

_VERSION: Final = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?")


class Format(StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def validate(
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="VERSION", help="The RabbitMQ that it is for (4.3).", show_default=False),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain", metavar="CODE", help="Explain a rule (PT101), and do nothing else.", show_default=False
        ),
    ] = None,
    result_format: Annotated[Format, typer.Option("--format", help="How to write the result.")] = Format.TEXT,
    directory: options.Directory = Path(),
) -> None:
    """Check topology.yaml and every org file, without a broker.

    What makes the spec invalid is shown at once, each as file:line:column: what is wrong, and what would be right.
    A valid spec is then checked by rules: for what RabbitMQ takes without a word and what loses messages, such as
    a dead-letter exchange that does not exist. Each rule has a code and a page in docs/rules. What is meant so is
    allowed where it stands, with the reason:  allow: {PT301: "filled by hand"}

    The exit code is 2 where there is an error, with --strict also for a warning.

    \b
      proca-topo validate
      proca-topo validate --strict --target 4.3
      proca-topo validate --explain PT101
      proca-topo validate --format github
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    if explain is not None:
        _explain(explain)
        return
    version = None if target is None else _version(target)
    from proca_topo.rules.rule import Severity
    from proca_topo.spec.findings import review, unallowed
    from proca_topo.spec.read import load_desired
    from proca_topo.spec.topology_file import read_topology

    try:
        topology = read_topology(directory)
        desired = load_desired(topology)
    except SpecError as error:
        _write_problems(error, result_format, directory)
        raise
    org_files = len(topology.org_names())
    found = review(topology, desired, target=version)
    match result_format:
        case Format.TEXT:
            from proca_topo.render.findings_text import finding_lines
            from proca_topo.render.validation import valid_text

            output.results(finding_lines(found))
            output.result(valid_text(desired, org_files))
        case Format.JSON:
            from proca_topo.render.validation import valid_json

            output.result(valid_json(desired, org_files, found))
        case Format.GITHUB:
            from proca_topo.render.findings_github import findings_github

            output.result("".join(findings_github(found, directory)))
        case Format.SARIF:
            from proca_topo.render.findings_sarif import findings_sarif

            output.result(findings_sarif(found, directory))
    if any(strict or one.severity is Severity.ERROR for one in unallowed(found)):
        raise typer.Exit(ExitCode.USAGE)


def _write_problems(error: SpecError, result_format: Format, directory: Path) -> None:
    match result_format:
        case Format.TEXT:
            pass  # they are the error's own text
        case Format.JSON:
            from proca_topo.render.validation import invalid_json

            output.result(invalid_json(error.problems))
        case Format.GITHUB:
            from proca_topo.render.findings_github import problems_github

            output.result("".join(problems_github(error.problems, directory)))
        case Format.SARIF:
            from proca_topo.render.findings_sarif import problems_sarif

            output.result(problems_sarif(error.problems, directory))


def _explain(code: str) -> None:
    from proca_topo.render.findings_text import rule_lines
    from proca_topo.rules.registry import RULES

    rule = RULES.get(code.upper())
    if rule is None:
        from proca_topo.spec.problems import nearest

        advice = nearest(code.upper(), RULES, "; docs/rules lists them")
        raise UsageError(f"there is no rule {shown(code)}{advice}")
    output.results(rule_lines(rule))


def _version(text: str) -> tuple[int, int]:
    found = _VERSION.fullmatch(text)
    if found is None:
        raise UsageError(f"--target {shown(text)} is no version of RabbitMQ: write it as 3.10 or 4.3")
    return int(found[1]), int(found[2])
