"""A definitions export as a document: one vhost of it read and changed, everything else kept as it is."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from proca_topo.broker.wire import (
    Json,
    binding_from,
    default_queue_type,
    entry_of,
    exchange_from,
    policy_from,
    queue_from,
)
from proca_topo.errors import BrokerError, VhostMissingError
from proca_topo.topology.existing import PREDEFINED, BrokerIdentity, Existing
from proca_topo.topology.names import is_utf8, shown
from proca_topo.topology.nouns import (
    Binding,
    DestinationType,
    Exchange,
    Kind,
    Noun,
    Policy,
    Queue,
    is_reserved,
    kind_of,
)

_N = TypeVar("_N", bound=Noun)

SECTIONS: Final = {
    Kind.EXCHANGE: "exchanges",
    Kind.QUEUE: "queues",
    Kind.BINDING: "bindings",
    Kind.POLICY: "policies",
}

_INDENT: Final = re.compile(r"\A\s*[\[{]\s*?\n(?P<indent>[ \t]+)")


@dataclass(frozen=True, kw_only=True)
class DefinitionsDocument:
    """The parsed text of an export.
    An export of one vhost has no `vhost` in its entries: it is read as whichever vhost is asked for. An export of
    a whole cluster has the vhosts that it lists, or that its entries name.
    """

    location: str
    content: dict[str, Any]
    text: str = ""

    @classmethod
    def parse(cls, text: str, location: str) -> "DefinitionsDocument":
        """The document in a file's text. Raises BrokerError, with line and column if it is no JSON."""
        try:
            content = json.loads(
                text, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_without_doubles
            )
        except json.JSONDecodeError as error:
            raise BrokerError(f"{location}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
        except _DoubleKeyError as error:
            raise BrokerError(f"{location}: {error} twice; keep one") from error
        except ValueError as error:
            raise BrokerError(f"{location}: a number in it is none that RabbitMQ could read") from error
        except RecursionError as error:
            raise BrokerError(f"{location}: nested too deeply for definitions") from error
        if not isinstance(content, dict):
            raise BrokerError(f"{location}:1:1: not RabbitMQ definitions: the top level is not an object")
        for section in ("vhosts", *SECTIONS.values()):
            entries = content.get(section)
            if entries is not None and not (
                isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
            ):
                raise BrokerError(f"{location}: not RabbitMQ definitions: {section!r} is not a list of objects")
            if not all(isinstance(entry.get("vhost", ""), str) for entry in entries or ()):
                raise BrokerError(f"{location}: not RabbitMQ definitions: a vhost in {section!r} is no text")
        return cls(location=location, content=content, text=text)

    @property
    def is_changed(self) -> bool:
        """Whether it says something else than the text that it was parsed from."""
        # As text: to Python 1 and true are equal.
        return not self.text or json.dumps(json.loads(self.text)) != json.dumps(self.content)

    def render(self) -> str:
        """The text of the document, indented as it was."""
        found = _INDENT.match(self.text)
        compact = bool(self.text.strip()) and "\n" not in self.text.strip()
        write = partial(
            json.dumps,
            self.content,
            indent=None if compact else found["indent"] if found else 2,
            separators=(",", ":") if compact and '": ' not in self.text else None,
        )
        text = write(ensure_ascii=self.text.isascii() and "\\u" in self.text)
        if not is_utf8(text):  # half a surrogate pair, which only an escape can spell
            text = write(ensure_ascii=True)
        return text if self.text and not self.text.endswith("\n") else f"{text}\n"

    def read(self, vhost: str) -> Existing:
        """The vhost in it. Raises VhostMissingError."""
        self.require_vhost(vhost)
        exchanges = {item.name: item for item in self._read(vhost, Kind.EXCHANGE, exchange_from) if item.name}
        default_queue_type = self.default_queue_type(vhost)
        queue = partial(queue_from, default_queue_type=default_queue_type)
        listed = {item.name: item for item in self._read(vhost, Kind.QUEUE, queue)}
        policies = {item.name: item for item in self._read(vhost, Kind.POLICY, policy_from)}
        bindings = {item: () for item in self._read(vhost, Kind.BINDING, binding_from) if item.source}
        return Existing(
            broker=self._broker,
            vhost=vhost,
            default_queue_type=default_queue_type,
            exchanges=PREDEFINED | exchanges,  # which no export names
            queues={name: item for name, item in listed.items() if not is_reserved(name)},
            bindings=bindings,
            policies=policies,
            # A file has none that is a connection's own.
            exclusive=frozenset(filter(is_reserved, listed)),
        )

    def new_vhost(self, vhost: str) -> Existing:
        """The vhost as it would be if it was made in it."""
        return Existing(
            broker=self._broker,
            vhost=vhost,
            default_queue_type=self.default_queue_type(vhost),
            exchanges=PREDEFINED,
            is_new=True,
        )

    def require_vhost(self, vhost: str) -> None:
        """Raise VhostMissingError if the document is of other vhosts."""
        vhosts = self._vhosts
        if vhosts is not None and vhost not in vhosts:
            listed = ", ".join(shown(name) for name in sorted(vhosts)) or "none"
            raise VhostMissingError(f"there is no vhost {shown(vhost)!r} in {self.location} (it has: {listed})")

    def default_queue_type(self, vhost: str) -> str:
        """The type of queues that are declared without one. See `listing.default_queue_type`."""
        listed = (entry for entry in self._entries("vhosts") if entry.get("name") == vhost)
        entry = next(listed, self.content)
        metadata = entry.get("metadata")
        merged = {**(metadata if isinstance(metadata, dict) else {}), **entry}
        return default_queue_type(self._version or "", merged)

    def create_vhost(self, vhost: str) -> None:
        """List the vhost if it is not there. An export of one vhost is of any vhost already."""
        vhosts = self._vhosts
        if vhosts is None or vhost in vhosts:
            return
        if self.content.get("vhosts") is None:
            self.content["vhosts"] = [{"name": name} for name in sorted(vhosts)]
        self.content["vhosts"].append({"name": vhost})

    def add(self, vhost: str, noun: Noun) -> None:
        """Append an object to its section."""
        entry = entry_of(noun, self.default_queue_type(vhost))
        if self._vhosts is not None:
            entry["vhost"] = vhost
        section = SECTIONS[kind_of(noun)]
        if self.content.get(section) is None:
            self.content[section] = []
        self.content[section].append(entry)

    def put_policy(self, vhost: str, policy: Policy) -> None:
        """Put a policy in the place of the one with its name, or append it."""
        there = [entry for entry in self._of_vhost("policies", vhost) if entry.get("name") == policy.name]
        if there:
            # The last of several is the one in force.
            there[-1].update(entry_of(policy, self.default_queue_type(vhost)))
        else:
            self.add(vhost, policy)

    def remove(self, vhost: str, gone: Iterable[Noun]) -> None:
        """Take objects out, and the bindings to and from exchanges and queues that go."""
        wanted = frozenset(gone)
        exchanges = {noun.name for noun in wanted if isinstance(noun, Exchange)}
        queues = {noun.name for noun in wanted if isinstance(noun, Queue)}
        policies = {noun.name for noun in wanted if isinstance(noun, Policy)}

        def goes(binding: Binding) -> bool:
            destinations = queues if binding.destination_type is DestinationType.QUEUE else exchanges
            return binding in wanted or binding.source in exchanges or binding.destination in destinations

        self._filter("exchanges", vhost, lambda entry: entry.get("name") in exchanges)
        self._filter("queues", vhost, lambda entry: entry.get("name") in queues)
        self._filter("policies", vhost, lambda entry: entry.get("name") in policies)
        self._filter("bindings", vhost, lambda entry: goes(binding_from(entry)))

    def _filter(self, section: str, vhost: str, goes: Callable[[Json], bool]) -> None:
        entries = self._entries(section)
        entries[:] = [entry for entry in entries if not (entry.get("vhost", vhost) == vhost and goes(entry))]

    def _read(self, vhost: str, kind: Kind, convert: Callable[[Json], _N]) -> Iterator[_N]:
        try:
            yield from map(convert, self._of_vhost(SECTIONS[kind], vhost))
        except BrokerError as error:
            raise BrokerError(f"{self.location}: in {SECTIONS[kind]!r}: {error}") from error

    def _of_vhost(self, section: str, vhost: str) -> Iterator[dict[str, Any]]:
        return (entry for entry in self._entries(section) if entry.get("vhost", vhost) == vhost)

    def _entries(self, section: str) -> list[dict[str, Any]]:
        return self.content.get(section) or []

    @property
    def _vhosts(self) -> frozenset[str] | None:
        """The vhosts that it is of; None if it does not say, being an export of one vhost (or empty)."""
        if self.content.get("vhosts") is not None:
            return frozenset(str(entry.get("name")) for entry in self._entries("vhosts"))
        named = {
            entry["vhost"] for section in SECTIONS.values() for entry in self._entries(section) if "vhost" in entry
        }
        return frozenset(named) or None

    @property
    def _broker(self) -> BrokerIdentity:
        return BrokerIdentity(location=self.location, version=self._version, cluster_name=self._cluster_name)

    @property
    def _version(self) -> str | None:
        return next(
            (str(self.content[key]) for key in ("rabbitmq_version", "rabbit_version") if key in self.content), None
        )

    @property
    def _cluster_name(self) -> str | None:
        name = self.content.get("original_cluster_name")
        return name if isinstance(name, str) else None


class _DoubleKeyError(Exception):
    """A key that is in one JSON object twice."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Of two equal keys one would be gone once the file is written."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = Counter(key for key, _ in pairs)
        key = shown(next(key for key, times in keys.items() if times > 1))
        name = found.get("name")
        where = f"the object {shown(name)}" if isinstance(name, str) and key != "name" else "one object"
        raise _DoubleKeyError(f"the key {key} is in {where}")
    return found


def _finite(text: str) -> float:
    """A number that JSON can hold. Raises ValueError for 1e999, NaN and Infinity."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
