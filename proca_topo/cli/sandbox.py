"""`proca-topo sandbox`: a throw-away broker to try things on."""

from typing import Annotated

import typer


def sandbox(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND",
            help="What to run. Its exit code is the exit code.",
            show_default=False,
        ),
    ] = None,
    *,
    plugins: Annotated[
        list[str] | None,
        typer.Option(
            "--plugin",
            metavar="NAME",
            help="A plugin of RabbitMQ that it has besides the management plugin. May be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start a private RabbitMQ and throw it away afterwards.

    It runs on free ports of 127.0.0.1 with files of its own, and touches no
    other RabbitMQ. RabbitMQ must be installed; it need not be running.

    COMMAND finds the broker in PROCA_TOPO_BROKER, PROCA_TOPO_AMQP,
    PROCA_TOPO_USERNAME and PROCA_TOPO_PASSWORD, as proca-topo itself does:

    \b
      proca-topo sandbox -- proca-topo apply --create-vhost --yes
      proca-topo sandbox -- sh -c 'proca-topo apply --create-vhost && pytest'
      proca-topo sandbox --plugin rabbitmq_consistent_hash_exchange -- pytest

    Without COMMAND it prints where the broker is, as lines for a shell, and
    keeps it running until Ctrl-C.
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.sandbox import session

    named = plugins or ()
    raise typer.Exit(session.run(command, plugins=named) if command else session.wait(plugins=named))
