"""`proca-topo push`."""

from pathlib import Path
from typing import Annotated

import typer

from proca_topo.cli import options, output
from proca_topo.cli.connection import broker_address, check_name, show_requests, spec_if_any, vhost_of
from proca_topo.errors import UsageError
from proca_topo.topology.names import shown, shown_exchange


def push(
    *,
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="Where to publish.", show_default=False)],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The routing key.", show_default=False)],
    text: Annotated[
        str | None, typer.Argument(metavar="[JSON]", help="The message.", show_default="from stdin")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE|-", help="Read the message from here.", show_default=False),
    ] = None,
    directory: options.Directory = Path(),
    broker: options.BrokerOption = None,
    amqp: options.Amqp = None,
    vhost: options.Vhost = None,
    verbose: options.Verbose = False,
) -> None:
    """Publish one JSON message, and tell whether a queue has it.

    It is persistent and mandatory, and confirmed by the broker: exit code 0 means that it is in a queue, 1 that no
    queue is bound for this key, or that the broker did not take it.

    \b
      proca-topo push deliver acme.system.action '{"actionId": 1}'
      proca-topo push deliver acme.system.action --file action.json
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.broker.amqp.client import publish
    from proca_topo.cli.message import message_from

    check_name("the exchange's name", exchange)
    check_name("the routing key", key)
    show_requests(verbose=verbose)
    body = message_from(text, file)
    name = vhost_of(vhost, None if vhost else spec_if_any(directory))
    address = broker_address(broker, amqp)
    if address.file is not None:
        # Also where the environment names an AMQP port: that is of another broker.
        raise UsageError(f"{address.location} is a definitions file, which takes no messages: name a broker")
    publish(address, name, exchange=exchange, routing_key=key, body=body)
    with_key = f"key {shown(key)}" if key else "the empty key"
    output.result(f"Published {len(body)} bytes to {shown_exchange(exchange)} with {with_key}.\n")
