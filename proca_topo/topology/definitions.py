"""The nouns in the words of RabbitMQ's definitions: the JSON of exports, imports and the management API."""

from typing import Any, assert_never

from proca_topo.topology.nouns import Binding, Exchange, Noun, Policy, Queue


def definition(noun: Noun) -> dict[str, Any]:
    """One object as RabbitMQ's definitions spell it, without its vhost.

    A queue's type is among its arguments there; a queue without one (whatever the vhost's default is) has none.
    """
    match noun:
        case Exchange():
            return {
                "name": noun.name,
                "type": noun.type,
                "durable": noun.durable,
                "auto_delete": noun.auto_delete,
                "internal": noun.internal,
                "arguments": noun.arguments.to_dict(),
            }
        case Queue():
            arguments = noun.arguments.to_dict()
            if noun.type is not None:
                arguments["x-queue-type"] = noun.type
            return {
                "name": noun.name,
                "durable": noun.durable,
                "auto_delete": noun.auto_delete,
                "arguments": arguments,
            }
        case Binding():
            return {
                "source": noun.source,
                "destination": noun.destination,
                "destination_type": noun.destination_type.value,
                "routing_key": noun.routing_key,
                "arguments": noun.arguments.to_dict(),
            }
        case Policy():
            return {
                "name": noun.name,
                "pattern": noun.pattern,
                "apply-to": noun.apply_to,
                "priority": noun.priority,
                "definition": noun.definition.to_dict(),
            }
        case _:
            assert_never(noun)
