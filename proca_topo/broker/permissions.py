"""What a user needs to be allowed, where RabbitMQ says no more than that access is refused."""

import shlex
from typing import assert_never

from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Noun, Policy, Queue


def refused_to(user: str, vhost: str, noun: Noun, *, doing: str) -> str:
    """The sentence for a refused declare or delete: who may not, what is needed, and what gives it."""
    return (
        f"access refused: the user {shown(user)!r} may not {doing} it. That takes {_needed(noun, doing)}:"
        f" {remedy(user, vhost)}, or '.*' for all"
    )


def remedy(user: str, vhost: str) -> str:
    """What gives a user permissions."""
    # Its three patterns take the place of those that the user has: none can be left out, nor guessed here.
    command = f"rabbitmqctl set_permissions -p {shlex.quote(shown(vhost))} {shlex.quote(shown(user))}"
    patterns = "CONFIGURE WRITE READ`, three regular expressions for names"
    return f"let an administrator give that with `{command} {patterns}"


def _needed(noun: Noun, doing: str) -> str:
    """The permissions. Only a declare asks for those that a dead-letter or alternate exchange takes."""
    match noun:
        case Binding():
            destination, source = shown(noun.destination), shown(noun.source)
            return f"the permissions to write to {destination!r} and to read from {source!r}"
        case Queue():
            return _to_configure(noun.name, noun.dead_letter_exchange if doing == "declare" else None)
        case Exchange():
            return _to_configure(noun.name, noun.alternate_exchange if doing == "declare" else None)
        case Policy():
            return "the tag 'policymaker' and permissions in the vhost"
        case _:
            assert_never(noun)


def _to_configure(name: str, leads_to: str | None) -> str:
    if leads_to is None:
        return f"the permission to configure {shown(name)!r}"
    return f"the permissions to configure and to read {shown(name)!r} and to write to {shown(leads_to)!r}"
