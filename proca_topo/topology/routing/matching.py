"""Which bindings of one exchange a message matches, by the exchange's type."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from proca_topo.topology.nouns import Binding
from proca_topo.topology.routing.headers import Headers, WantedHeaders
from proca_topo.topology.routing.topic_trie import TopicTrie

_NO_HEADERS: Final[Headers] = {}
DEATHS: Final = "x-death"
"""The header in which RabbitMQ tells a client all that a dead letter has been through."""
_LAST_DEATH: Final = "x-last-death-"
OPEN_COPIES: Final = "CC"
BLIND_COPIES: Final = "BCC"
COPIES: Final = (OPEN_COPIES, BLIND_COPIES)
"""The headers with further routing keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What an exchange looks at.

    Of one that is imagined with `any_headers` only the key is known. `is_dead`: it has been dead-lettered.
    """

    routing_key: str
    headers: Headers = field(default_factory=lambda: _NO_HEADERS, hash=False)  # a mapping has no hash
    any_headers: bool = False
    is_dead: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The routing key, and what RabbitMQ takes for further ones: what is text in the lists CC and BCC.

        All exchanges go by all of them (`header_routes` in RabbitMQ's rabbit_basic.erl; measured on 3.10, 4.0 and
        4.3).
        """
        if not self.headers:
            return (self.routing_key,)
        copies = (self.headers.get(name) for name in COPIES)
        further = (key for keys in copies if isinstance(keys, list) for key in keys if isinstance(key, str))
        return tuple(dict.fromkeys((self.routing_key, *further)))

    @property
    def copies_refused(self) -> tuple[str, ...]:
        """The headers among CC and BCC that are no list: RabbitMQ closes the channel of whoever publishes that."""
        return tuple(name for name in COPIES if name in self.headers and not isinstance(self.headers[name], list))

    @property
    def shown_headers(self) -> Headers:
        """The headers that exchanges and consumers are shown: RabbitMQ takes BCC out of what is published."""
        return {name: value for name, value in self.headers.items() if name != BLIND_COPIES}

    def is_unsure_of(self, header: str) -> bool:
        """Whether it cannot be known if it has this header, or with which value.

        Of dead letters headers exchanges see `x-death` up to RabbitMQ 3.x only, and `x-last-death-*` since 4.x.
        With another key they lose CC up to 3.x; since 4.x they have it, and do not go by it (measured on 3.10, 4.0
        and 4.3).
        """
        by_version = header == DEATHS or header.startswith(_LAST_DEATH)
        may_be_lost = header == OPEN_COPIES and OPEN_COPIES not in self.headers
        return self.any_headers or (self.is_dead and (by_version or may_be_lost))


class Matching(Protocol):
    """The bindings of an exchange, ready to be asked."""

    def matching(self, message: Message) -> list[Binding]:
        """The bindings that let the message through."""


def is_known_type(exchange_type: str) -> bool:
    """Whether it can be known which bindings such an exchange chooses: a plugin's may decide by anything."""
    return exchange_type in {"topic", "direct", "fanout", "headers"}


def matching_for(exchange_type: str, bindings: Iterable[Binding]) -> Matching | None:
    """How an exchange of this type chooses among its bindings; None for a plugin's type, which nobody can know."""
    match exchange_type:
        case "topic":
            return TopicMatching(bindings)
        case "direct":
            return _Direct(bindings)
        case "fanout":
            return _Fanout(bindings)
        case "headers":
            return HeadersMatching(bindings)
        case _:
            return None


class TopicMatching:
    """The bindings of a topic exchange."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        self._trie: TopicTrie[Binding] = TopicTrie()
        for binding in bindings:
            self._trie.add(binding.routing_key, binding)

    def matching(self, message: Message) -> list[Binding]:
        """Those whose pattern lets one of the message's keys through."""
        return _each_once(self._trie.matching(key) for key in message.keys)

    def keys_shared_with(self, pattern: str) -> Iterator[str]:
        """Keys that a pattern shares with these bindings (`TopicTrie.shared_with`)."""
        return self._trie.shared_with(pattern)


class _Direct:
    def __init__(self, bindings: Iterable[Binding]) -> None:
        by_key: dict[str, list[Binding]] = defaultdict(list)
        for binding in bindings:
            by_key[binding.routing_key].append(binding)
        self._by_key: Mapping[str, list[Binding]] = dict(by_key)

    def matching(self, message: Message) -> list[Binding]:
        return _each_once(self._by_key.get(key, ()) for key in message.keys)


class _Fanout:
    def __init__(self, bindings: Iterable[Binding]) -> None:
        self._all = list(bindings)

    def matching(self, message: Message) -> list[Binding]:  # noqa: ARG002 - a fanout asks for nothing
        return self._all


class HeadersMatching:
    """The bindings of a headers exchange."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        self._wanted = [(WantedHeaders.of(binding.arguments), binding) for binding in bindings]

    def matching(self, message: Message) -> list[Binding]:
        """Those that are certain to let the message through."""
        headers = message.shown_headers
        return [binding for wanted, binding in self._wanted if wanted.admit(headers, message.is_unsure_of)]

    def is_unsure(self, message: Message) -> bool:
        """Whether others may let it through too, which depends on headers that it may have."""
        headers = message.shown_headers
        return any(wanted.admit(headers, message.is_unsure_of) is None for wanted, _ in self._wanted)


def _each_once(by_key: Iterable[Iterable[Binding]]) -> list[Binding]:
    return list(dict.fromkeys(binding for bindings in by_key for binding in bindings))
