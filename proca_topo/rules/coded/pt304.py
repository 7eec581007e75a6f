"""PT304: a queue of one org gets what is meant for another."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from proca_topo.rules.org_places import OrgPlaces, OrgWords, places_of_bindings, places_of_shape
from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Kind
from proca_topo.topology.routing.built_in import BUILT_IN_EXCHANGES
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.topic_trie import TopicTrie
from proca_topo.topology.routing.topics import ANY_WORDS, ONE_WORD, is_single_key, words_of

_TOPIC: Final = "topic"
_DIRECT: Final = "direct"
_FANOUT: Final = "fanout"
# A word that nobody writes into a pattern.
_ANY: Final = "\0"


@dataclass(frozen=True, slots=True)
class _Bound:
    """A binding that is for an org, and whether it leads to a queue or an exchange of its own.

    `key` is what it lets through: from a fanout exchange everything.
    """

    binding: Binding
    org: str
    is_own: bool
    key: str


@dataclass(frozen=True)
class _Source:
    """One exchange as far as it serves orgs."""

    has_patterns: bool
    places: OrgPlaces
    bound: Collection[_Bound]
    words: OrgWords

    def meant_for_others(self, one: _Bound) -> tuple[str, str] | None:
        """A key that this binding lets through, and the other org that it is meant for.

        Such a key has the other's name in its place; or it has no name, and only the other is bound with just it.
        """
        key = one.key
        words = words_of(key)
        for place in self.places.best:
            owner = self.words.owner(place, place.word_in(words))
            if owner == one.org:
                return None
            if owner is not None:
                return key, owner
            if self.has_patterns and (found := self.places.open_to(key, place, one.org)) is not None:
                return found
        others = (other for other in self._single_keys_in.get(key, ()) if one.org not in self._single_keys[other])
        return next(((other, min(self._single_keys[other])) for other in others), None)

    @cached_property
    def _nameless(self) -> Collection[_Bound]:
        """The bindings without their org's name."""
        return [one for one in self.bound if self.has_patterns and one.is_own and not self._is_named(one)]

    @cached_property
    def _single_keys(self) -> Mapping[str, Collection[str]]:
        """The orgs that are bound with just one key, by such keys."""
        orgs: dict[str, set[str]] = defaultdict(set)
        for one in self._nameless:
            if is_single_key(one.binding.routing_key):
                orgs[one.binding.routing_key].add(one.org)
        return orgs

    @cached_property
    def _single_keys_in(self) -> Mapping[str, Sequence[str]]:
        """Those that each other pattern lets through."""
        patterns: TopicTrie[str] = TopicTrie()
        for pattern in {one.binding.routing_key for one in self._nameless} - self._single_keys.keys():
            patterns.add(pattern, pattern)
        found: dict[str, list[str]] = defaultdict(list)
        for key in sorted(self._single_keys):
            for pattern in patterns.matching(key):
                found[pattern].append(key)
        return found

    def _is_named(self, one: _Bound) -> bool:
        """Whether a binding has its org's name where keys have one."""
        words = words_of(one.binding.routing_key)
        return any(self.words.owner(place, place.word_in(words)) == one.org for place in self.places.best)


def _find(subject: Subject) -> Iterator[Finding]:
    for source in _sources(subject):
        for one in source.bound:
            if one.is_own and (found := source.meant_for_others(one)) is not None:
                key, other = found
                if not _arrives(subject, one, key):
                    continue
                text = f"leads {shown(key)} to {shown(one.org)} too, which is meant for {shown(other)}"
                yield RULE.finding(one.binding, text)


def _arrives(subject: Subject, one: _Bound, key: str) -> bool:
    """Whether what a binding lets through comes to a queue of its org. Its own exchanges may let less through."""
    if one.binding.destination_type is DestinationType.QUEUE:
        return True
    some_key = key.replace(ONE_WORD, _ANY).replace(ANY_WORDS, _ANY)
    reached = subject.routes.reached(one.binding.destination, Message(routing_key=some_key, any_headers=True))
    its = (subject.desired.queues.get(name) for name in reached.queues)
    return bool(reached.unknown) or any(queue and subject.desired.org_of(queue) == one.org for queue in its)


def _sources(subject: Subject) -> Iterator[_Source]:
    desired = subject.desired
    words = OrgWords.of(subject.orgs, desired.ownership.orgs_by_value)
    exchanges: Mapping[str, Exchange] = {**BUILT_IN_EXCHANGES, **desired.exchanges}
    for name, bound in _bound(subject).items():
        ours = bound
        exchange = exchanges.get(name)
        # An org's own exchange has nothing of others but what comes by its own bindings.
        if (
            exchange is None
            or exchange.type not in (_TOPIC, _DIRECT, _FANOUT)
            or name in desired.orgs.get(Kind.EXCHANGE, ())
        ):
            continue
        shape = desired.key_shapes.get(name)
        places = None if shape is None else places_of_shape(shape, words)
        if exchange.type == _FANOUT:
            # It looks at no keys; only the spec can say that they have an org.
            if places is None:
                continue
            ours = [replace(one, key=ANY_WORDS) for one in bound]
        if places is None:
            places = places_of_bindings(((one.key, one.org) for one in ours), words)
        yield _Source(has_patterns=exchange.type != _DIRECT, places=places, bound=ours, words=words)


def _bound(subject: Subject) -> Mapping[str, Collection[_Bound]]:
    """The bindings that are for an org which has a file, by their source."""
    desired = subject.desired
    orgs = frozenset(subject.orgs)
    owners = {
        (DestinationType.QUEUE, queue.name): org
        for queue in subject.queues
        if (org := desired.org_of(queue)) in orgs
    } | {(DestinationType.EXCHANGE, name): org for name, org in desired.orgs.get(Kind.EXCHANGE, {}).items()}
    of_shared = desired.orgs.get(Kind.BINDING, {})
    found: dict[str, list[_Bound]] = defaultdict(list)
    for binding in desired.bindings:
        org = owners.get((binding.destination_type, binding.destination))
        is_own = org is not None
        if org is None:
            org = of_shared.get(binding)
        if org is not None:
            found[binding.source].append(_Bound(binding, org, is_own, key=binding.routing_key))
    return found


RULE: Final = Rule(
    code="PT304",
    severity=Severity.ERROR,
    title="a queue of one org gets what is meant for another",
    cost=(
        "Signatures are personal data. A key with another org's name in its place, or with a wildcard "
        "there, leads that org's, or those of all, to this one. So does any binding of a fanout exchange whose "
        "`keys` have an org. What headers tell of orgs is not looked at."
    ),
    remedy=(
        "Put {org} into the key, in the place where the others have it. That is the word `org` (or a "
        "variable's name) of the exchange's `keys`; without them, the place where most bindings have "
        "their own org's name."
    ),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
org:
  queues:
    "{org}.mail": {bindings: [{exchange: in, key: "{org}.mail"}]}
    "{org}.log": {bindings: [{exchange: in, key: "*.mail", arguments: {of: "{org}"}}]}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
org:
  queues:
    "{org}.mail": {bindings: [{exchange: in, key: "{org}.mail"}]}
    "{org}.log": {bindings: [{exchange: in, key: "{org}.#"}]}
""",
    org="{}\n",
    find=_find,
)
