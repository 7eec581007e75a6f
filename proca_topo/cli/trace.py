"""`proca-topo trace`."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proca_topo.cli import options, output
from proca_topo.cli.connection import broker_address, check_name, show_requests, vhost_of
from proca_topo.errors import ExitCode, UsageError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.topology.routing.matching import Message
    from proca_topo.topology.routing.tracing import Tracer
    from proca_topo.topology.routing.visits import Fate


def trace(
    *,
    exchange: Annotated[
        str, typer.Argument(metavar="EXCHANGE", help='Where it is published; "" is the default exchange.')
    ],
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its routing key.")],
    headers: Annotated[
        list[str] | None,
        typer.Option(
            "--header", metavar="K=V", help="A header; K:=JSON for a number; repeat.", show_default=False
        ),
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Go on as if each queue rejected it, once.")] = False,
    expire: Annotated[bool, typer.Option("--expire", help="Go on as if nobody consumed.")] = False,
    overflow: Annotated[bool, typer.Option("--overflow", help="Go on as if each queue was full.")] = False,
    live: Annotated[bool, typer.Option("--live", help="By what the broker shows, not by the spec.")] = False,
    result_format: options.FormatOption = options.Format.TEXT,
    directory: options.Directory = Path(),
    broker: options.BrokerOption = None,
    vhost: options.Vhost = None,
    verbose: options.Verbose = False,
) -> None:
    """Show where a message goes, without sending one.

    All the way: the bindings that let it through, from exchange to exchange, alternate exchanges, and the queues;
    with --reject, --expire or --overflow also where it goes from there, through retry circuits and their delays,
    until it rests, comes back, or is dropped. By the spec; with --live by the broker, or by the definitions file
    that is given as one.

    The exit code is 1 if it reaches no queue. The format of --format json is docs/trace.schema.json.

    \b
      proca-topo trace confirm acme.custom.action
      proca-topo trace deliver acme.system.action --reject
      proca-topo trace --live --broker definitions.json deliver acme.system.action
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.topology.routing.matching import Message
    from proca_topo.topology.routing.visits import Fate

    check_name("the exchange's name", exchange)
    check_name("the routing key", key)
    show_requests(verbose=verbose)
    fate = _fate(reject=reject, expire=expire, overflow=overflow)
    message = Message(routing_key=key, headers=dict(map(_header, headers or ())))
    _check_copies(message)
    limits = fate in {Fate.EXPIRED, Fate.OVERFLOWED}
    tracer = _of_broker(directory, broker, vhost, limits=limits) if live else _of_spec(directory)
    _check_exchange(tracer, exchange)
    found = tracer.trace(exchange, message, fate)
    match result_format:
        case options.Format.TEXT:
            from proca_topo.render.trace_text import trace_lines

            output.results(trace_lines(found))
        case options.Format.JSON:
            from proca_topo.render.trace_json import trace_json

            output.result(trace_json(found))
    if not found.queues:
        raise typer.Exit(ExitCode.FAILED)


def _fate(*, reject: bool, expire: bool, overflow: bool) -> "Fate | None":
    from proca_topo.topology.routing.visits import Fate

    asked = {Fate.REJECTED: reject, Fate.EXPIRED: expire, Fate.OVERFLOWED: overflow}
    chosen = [fate for fate, is_asked in asked.items() if is_asked]
    if len(chosen) > 1:
        raise UsageError("--reject, --expire and --overflow: give one of them")
    return chosen[0] if chosen else None


def _header(text: str) -> tuple[str, Any]:
    name, colon, value = text.partition(":=")
    if colon and "=" not in name:
        try:
            return name, json.loads(value)
        except ValueError as error:
            raise UsageError(f"--header {shown(text)}: {shown(value)} is no JSON; for text write K=V") from error
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--header {shown(text)}: write K=V, or K:=JSON for a number")
    return name, value


def _check_copies(message: "Message") -> None:
    for name in message.copies_refused:
        raise UsageError(f"--header {name}: RabbitMQ takes a list of keys only, such as {name}:='[\"a.b\"]'")


def _of_spec(directory: Path) -> "Tracer":
    from proca_topo.spec.read import load_desired
    from proca_topo.spec.topology_file import read_topology
    from proca_topo.topology.nouns import CLASSIC
    from proca_topo.topology.routing.tracing import Tracer

    desired = load_desired(read_topology(directory))
    return Tracer(desired, waiting=desired.waiting, default_queue_type=CLASSIC)


def _of_broker(directory: Path, broker: str | None, vhost: str | None, *, limits: bool) -> "Tracer":
    from proca_topo.broker.connect import open_broker
    from proca_topo.spec.files import TOPOLOGY, is_there
    from proca_topo.spec.topology_file import read_topology
    from proca_topo.topology.operator_limits import with_operator_limits
    from proca_topo.topology.routing.tracing import Tracer

    topology = read_topology(directory) if vhost is None and is_there(directory / TOPOLOGY) else None
    with closing(open_broker(broker_address(broker, None))) as connection:
        existing = connection.read(vhost_of(vhost, topology))
        mover = connection.mover(existing.vhost) if limits else None
        operators = mover.operator_policies() if mover is not None else ()
    seen = replace(existing, queues=with_operator_limits(existing.queues, operators))
    return Tracer(seen, others=existing.exclusive, default_queue_type=existing.default_queue_type)


def _check_exchange(tracer: "Tracer", name: str) -> None:
    known: Sequence[str] = sorted(tracer.routes.exchanges)
    if name == "" or name in tracer.routes.exchanges:
        if name and tracer.routes.exchanges[name].internal:
            raise UsageError(f"exchange {shown(name)} is internal: RabbitMQ lets no client publish to it")
        return
    from proca_topo.spec.problems import nearest

    raise UsageError(f"there is no exchange {shown(name)}{nearest(name, known)}")
