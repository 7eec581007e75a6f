"""The options that commands share."""

import os
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import typer

from proca_topo.errors import RefusedError, UsageError
from proca_topo.plan.changes import Replacing
from proca_topo.topology.names import shown


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


class PlanFormat(StrEnum):
    """How a plan is written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


Directory = Annotated[
    Path, typer.Option("-C", "--directory", metavar="DIR", help="Where topology.yaml is.", show_default="here")
]
BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker",
        metavar="URL|FILE",
        envvar="PROCA_TOPO_BROKER",
        help="Management URL, or a definitions file that is the broker.",
        show_default=False,
    ),
]
LiveBrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker",
        metavar="URL",
        envvar="PROCA_TOPO_BROKER",
        help="With --live: the management URL. Without one it is a sandbox.",
        show_default=False,
    ),
]


def _of_the_same_broker(context: typer.Context, amqp: str | None) -> str | None:
    """The AMQP URL; None if it is that of the environment's broker, and the command line names another one."""
    usual = os.environ.get("PROCA_TOPO_BROKER")
    given = context.get_parameter_source("amqp")
    if usual and given is not None and given.name == "ENVIRONMENT" and context.params.get("broker") != usual:
        return None
    return amqp


Amqp = Annotated[
    str | None,
    typer.Option(
        "--amqp",
        metavar="URL",
        envvar="PROCA_TOPO_AMQP",
        help="AMQP URL, if unusual.",
        show_default=False,
        callback=_of_the_same_broker,
    ),
]
Vhost = Annotated[
    str | None,
    typer.Option(
        "--vhost",
        metavar="NAME",
        envvar="PROCA_TOPO_VHOST",
        help="Instead of the spec's vhost.",
        show_default=False,
    ),
]
Orgs = Annotated[
    list[str] | None,
    typer.Option("--org", metavar="ORG", help="Only this org; may be repeated.", show_default=False),
]
TestedOrgs = Annotated[
    list[str] | None,
    typer.Option(
        "--org", metavar="ORG", help="Only this org and what all share; may be repeated.", show_default=False
    ),
]
Prune = Annotated[bool, typer.Option("--prune", help="Also delete what is ours and no longer in the spec.")]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Also replace what RabbitMQ cannot change in place, with its messages."),
]
DisconnectConsumers = Annotated[
    bool,
    typer.Option(
        "--disconnect-consumers", help="With --replace: close the connections that consume from a queue meanwhile."
    ),
]
AllowDeletes = Annotated[
    int | None,
    typer.Option(
        "--allow-deletes",
        metavar="N",
        min=0,
        help="Accept up to N deletions and replacements. Without it apply refuses 10 or more that are over 30 % of"
        " what is ours.",
        show_default=False,
    ),
]
DetailedExitCode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit with 3 while anything is pending.")
]
Wait = Annotated[
    str, typer.Option("--wait", metavar="TIME", help="How long to wait for what drains, and then delete it (5m).")
]
LockTimeout = Annotated[
    str,
    typer.Option("--lock-timeout", metavar="TIME", help="How long to wait for another apply to end (30s, 5m)."),
]
NoLock = Annotated[
    bool, typer.Option("--no-lock", help="Go on where AMQP cannot tell whether another apply is under way.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the result.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show every request to the broker.")]

_WITH_VALUE: Final = ("-C", "--directory", "--broker", "--amqp", "--vhost")
_FLAGS: Final = ("-v", "--verbose")
DEBUG: Final = "--debug"
WATCH: Final = "--watch"
WATCH_SECONDS: Final = 2


def seconds(text: str, option: str) -> float:
    """The seconds in the value of an option, written as durations in a spec are. Raises UsageError."""
    from pydantic_core import PydanticCustomError

    from proca_topo.spec.fields import milliseconds

    try:
        return milliseconds(int(text) if text.isdecimal() else text) / 1000
    except PydanticCustomError as error:
        raise UsageError(f"{option} {shown(text)}: {error.message()}") from error


def replacing(*, replace: bool, disconnect: bool, locked: bool = True) -> Replacing:
    """What the options ask for. Raises UsageError if they contradict each other, RefusedError without a lock."""
    if disconnect and not replace:
        raise UsageError("--disconnect-consumers is for --replace: give both, or neither")
    if not locked:
        if replace:
            raise RefusedError(
                "nothing was done: --replace moves messages, and two that do that at a time could lose some: leave"
                " out --no-lock"
            )
        return Replacing.FORBIDDEN
    if disconnect:
        return Replacing.DISCONNECTING
    return Replacing.IDLE if replace else Replacing.FINISHING


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The command line with shared options that stand before the command moved behind its name."""
    moved: list[str] = []
    rest = list(arguments)
    while rest:
        option = rest[0].partition("=")[0] if rest[0].startswith("--") else rest[0]
        if option in _FLAGS or (option in _WITH_VALUE and "=" in rest[0]):
            moved += rest[:1]
            rest = rest[1:]
        elif option in _WITH_VALUE:
            moved += rest[:2]
            rest = rest[2:]
        else:
            break
    if not rest or rest[0].startswith("-"):  # --help, --version: nothing that needs them
        return rest
    return [rest[0], *moved, *rest[1:]]


def with_interval(arguments: Sequence[str]) -> list[str]:
    """The command line with a number behind every `--watch` that has none: typer knows no values to leave out."""
    options, rest = _options_and_rest(arguments)
    words = [
        f"{WATCH}={WATCH_SECONDS}" if word == WATCH and not behind[:1].isdecimal() else word
        for word, behind in pairwise([*options, ""])
    ]
    return [*words, *rest]


def without_debug(arguments: Sequence[str]) -> list[str]:
    """The command line without `--debug`, wherever that stands."""
    options, rest = _options_and_rest(arguments)
    return [*(word for word in options if word != DEBUG), *rest]


def _options_and_rest(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The command line up to a `--`, and the rest, in which there are no options."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end], arguments[end:]
