"""What the replacement of an exchange leaves on the broker while it is under way, and how it is recognised.

As with queues nothing is kept anywhere else: names and arguments say what is being replaced.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.definitions import definition
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import named
from proca_topo.topology.nouns import OUR_PREFIX, Exchange, Policy

ALTERNATE: Final = "alternate-exchange"

_SHADOW: Final = f"{OUR_PREFIX}shadow."
_CATCHING: Final = f"{OUR_PREFIX}catching."
_TRIAL: Final = f"{OUR_PREFIX}trial."
_WAS: Final = "x-proca-topo-was"
_BECOMES: Final = "x-proca-topo-becomes"
_PUNCTUATION: Final = frozenset(r"""!"#$%&'()*+,-./:;<=>?@[\]^`{|}~""")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeHolding:
    """The names that the replacement of one exchange uses.

    `shadow` is an exchange like the new one, with all bindings of the old one in both directions; `catching` is a
    policy that makes it the alternate of the exchange, old and new, so that it routes what that cannot; `trial` is
    an exchange (and a policy) that shows, before anything is changed, whether RabbitMQ would take the new one.
    """

    shadow: str
    catching: str
    trial: str

    @classmethod
    def of(cls, exchange: str) -> "ExchangeHolding":
        """Those for the exchange that is being replaced."""
        return cls(
            shadow=named(_SHADOW, exchange), catching=named(_CATCHING, exchange), trial=named(_TRIAL, exchange)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedExchange:
    """What the shadow tells of the exchange that is being replaced: as it was, and as it was to become."""

    was: Exchange
    becomes: Exchange

    @property
    def holding(self) -> ExchangeHolding:
        """The names in use."""
        return ExchangeHolding.of(self.was.name)

    def shadow(self, alternate: str | None) -> Exchange:
        """The shadow, which nobody can publish to. What it cannot route goes to the `alternate`."""
        arguments = self.becomes.arguments.to_dict()
        arguments.pop(ALTERNATE, None)
        if alternate is not None:
            arguments[ALTERNATE] = alternate
        arguments |= {_WAS: _as_text(self.was), _BECOMES: _as_text(self.becomes)}
        return Exchange(
            name=self.holding.shadow, type=self.becomes.type, internal=True, arguments=Arguments.of(arguments)
        )

    def catching(self, base: Policy | None, priority: int, name: str | None = None) -> Policy:
        """The policy: what is in force without it (`base`), and the shadow as the alternate.

        `name` is for the trial, whose policy is for the exchange of that name.
        """
        merged = {**(base.definition.to_dict() if base is not None else {}), ALTERNATE: self.holding.shadow}
        return Policy(
            name=name or self.holding.catching,
            pattern=f"^{_escaped(name or self.was.name)}$",
            apply_to="exchanges",
            priority=priority,
            definition=Arguments.of(merged),
        )

    def target(self, there: Exchange | None, wanted: Exchange | None) -> Exchange:
        """What the exchange is to be when the replacement is through, `there` being what it is now.

        | the spec wants               | it is there | the target         |
        |------------------------------|-------------|--------------------|
        | what it was to become        | any         | that               |
        | anything else, or nothing    | yes         | as it is           |
        | nothing, or what it was      | no          | what it was        |
        | a third thing                | no          | what it was to become |

        So a change that is taken back in time costs nothing, and what comes instead is a replacement of its own.
        """
        if wanted == self.becomes:
            return self.becomes
        if there is not None:
            return there
        return self.was if wanted in (None, self.was) else self.becomes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedExchange:
    """A replacement that something interrupted. `there` is the exchange as it is now, None where it is gone."""

    replaced: ReplacedExchange
    there: Exchange | None


def unfinished_exchanges(existing: Existing) -> Iterator[UnfinishedExchange]:
    """The replacements of exchanges that were begun and not finished, by name."""
    for name, exchange in sorted(existing.exchanges.items()):
        if name.startswith(_SHADOW) and (replaced := _replaced(exchange)) is not None:
            yield UnfinishedExchange(replaced=replaced, there=existing.exchanges.get(replaced.was.name))


def _replaced(shadow: Exchange) -> ReplacedExchange | None:
    """What the arguments tell; None if somebody else made it, under a name like ours."""
    arguments = shadow.arguments.to_dict()
    was, becomes = _from_text(arguments.get(_WAS)), _from_text(arguments.get(_BECOMES))
    if was is None or becomes is None or was.name != becomes.name:
        return None
    replaced = ReplacedExchange(was=was, becomes=becomes)
    return replaced if replaced.holding.shadow == shadow.name else None


def _as_text(exchange: Exchange) -> str:
    return json.dumps(definition(exchange), sort_keys=True, separators=(",", ":"))


def _from_text(text: Any) -> Exchange | None:  # noqa: ANN401 - any JSON value
    if not isinstance(text, str):
        return None
    try:
        entry = json.loads(text)
        return Exchange(
            name=str(entry["name"]),
            type=str(entry["type"]),
            durable=entry["durable"] is True,
            auto_delete=entry["auto_delete"] is True,
            internal=entry["internal"] is True,
            arguments=Arguments.of(dict(entry["arguments"])),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _escaped(name: str) -> str:
    """A name as a pattern that matches it alone. A space needs no escaping, and is no certain reading with it."""
    return "".join(f"\\{char}" if char in _PUNCTUATION else char for char in name)
