"""A definitions file that stands for a broker: planned on and applied to, offline."""

import fcntl
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, assert_never

from proca_topo.broker.address import masked
from proca_topo.broker.definitions.document import DefinitionsDocument
from proca_topo.broker.protocol import Failure, Lock, Progress
from proca_topo.errors import BrokerError, LockedError
from proca_topo.files import replace_text, where_links_lead
from proca_topo.topology.existing import Activity, Existing, Scope
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Kind, Noun, Policy, Queue, kind_of

_IDLE: Final = Activity(ready=0, unacknowledged=0, consumers=0)
# Bindings need both their ends.
_ORDER: Final = (Kind.EXCHANGE, Kind.QUEUE, Kind.POLICY, Kind.BINDING)


class _FolderLock:
    """The system frees it when the process ends, whatever ends it."""

    def __init__(self, folder: Path, vhost: str) -> None:
        try:
            self._folder = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise BrokerError(f"the folder {shown(str(folder))} cannot be locked: {error.strerror}") from error
        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._folder)
            raise LockedError(vhost=shown(vhost), holder=f"in the folder {shown(str(folder))}") from error

    def check(self) -> None:
        """It cannot be lost."""

    def release(self) -> None:
        """Give it back."""
        os.close(self._folder)


class DefinitionsFile:
    """The `Broker` in a definitions JSON file, as RabbitMQ exports it and imports it.

    Every call reads the file, and writes it at most once, whole or not at all. What is not asked for stays as it
    is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, vhost: str, scope: Scope | None = None) -> Existing:
        """The whole vhost, whatever the scope: a file costs the same. There are no messages in it."""
        del scope
        return self._load().read(vhost)

    def new_vhost(self, vhost: str) -> Existing:
        """What the vhost would be in the file."""
        return self._load().new_vhost(vhost)

    def look(self, vhost: str, queues: Collection[str]) -> Mapping[str, Activity]:
        """Nothing goes on in the queues of a file."""
        existing = self._load().read(vhost)
        return {queue: _IDLE for queue in queues if queue in existing.queues}

    def consumers(self, vhost: str) -> Mapping[str, int] | None:
        """Nobody consumes from a file."""
        del vhost
        return {}

    def lock(self, vhost: str) -> Lock:
        """The lock of all definitions files in this folder: the file itself is another one after each change."""
        return _FolderLock(where_links_lead(self._path).parent, vhost)

    def mover(self, vhost: str) -> None:
        """There are no messages in a file."""

    def replace_outright(self, vhost: str, before: Queue | Exchange, after: Queue | Exchange) -> bool:
        """Put one object in the place of another, with all its bindings, in one writing of the file."""
        document = self._load()
        kind = kind_of(before)
        bindings = [
            replace(
                binding,
                source=after.name if leads_from else binding.source,
                destination=after.name if leads_to else binding.destination,
            )
            for binding in document.read(vhost).bindings
            if (leads_from := kind is Kind.EXCHANGE and binding.source == before.name)
            | (leads_to := binding.destination == before.name and binding.destination_type.value == kind.value)
        ]
        document.remove(vhost, [before])
        for noun in (after, *bindings):
            document.add(vhost, noun)
        self._save(document)
        return True

    def create_vhost(self, vhost: str) -> None:
        """List the vhost in the file, which is made if it is not there."""
        if not self._path.exists():
            self._save(DefinitionsDocument(location=str(self._path), content={"vhosts": [{"name": vhost}]}))
            return
        document = self._load()
        document.create_vhost(vhost)
        self._save(document)

    def declare(self, vhost: str, nouns: Sequence[Noun], progress: Progress) -> Sequence[Failure]:
        """Add what is absent, as a broker would: what is there with other settings is a failure."""
        document = self._load()
        existing = document.read(vhost)
        known = _Known(existing)
        failures = []
        for noun in sorted(nouns, key=lambda noun: _ORDER.index(kind_of(noun))):
            reason = known.objection(vhost, noun)
            if reason is not None:
                failures.append(Failure(noun=noun, reason=reason))
                continue
            if isinstance(noun, Policy):
                document.put_policy(vhost, noun)
            elif not known.has(noun):
                document.add(vhost, noun)
            known.note(noun)
        self._save(document)
        progress(len(nouns) - len(failures))
        return failures

    def delete(self, existing: Existing, nouns: Sequence[Noun], progress: Progress) -> Sequence[Failure]:
        """Take objects out, and with a queue its bindings; an exchange only if nothing is bound to it any more."""
        document = self._load()
        vhost = existing.vhost
        document.require_vhost(vhost)
        document.remove(vhost, (noun for noun in nouns if not isinstance(noun, Exchange)))
        sources = {binding.source for binding in document.read(vhost).bindings}
        exchanges = [noun for noun in nouns if isinstance(noun, Exchange)]
        in_use = [exchange for exchange in exchanges if exchange.name in sources]
        document.remove(vhost, (exchange for exchange in exchanges if exchange not in in_use))
        self._save(document)
        progress(len(nouns) - len(in_use))
        return [Failure(noun=noun, reason=f"exchange {shown(noun.name)!r} in use") for noun in in_use]

    def close(self) -> None:
        """Nothing is held open."""

    def _load(self) -> DefinitionsDocument:
        try:
            text = self._path.read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            remedy = "give the path of a definitions export, or a broker's http:// URL"
            raise BrokerError(f"there is no file {masked(str(self._path))}: {remedy}") from error
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise BrokerError(f"the definitions file {self._path} cannot be read: {reason}") from error
        return DefinitionsDocument.parse(text, str(self._path))

    def _save(self, document: DefinitionsDocument) -> None:
        if not document.is_changed:
            return
        try:
            replace_text(where_links_lead(self._path), document.render())
        except OSError as error:
            raise BrokerError(f"the definitions file {self._path} cannot be written: {error.strerror}") from error


class _Known:
    """What is in a vhost while objects are added to it."""

    def __init__(self, existing: Existing) -> None:
        self._default_queue_type = existing.default_queue_type
        self._exchanges = dict(existing.exchanges)
        self._queues = dict(existing.queues)
        self._bindings = set(existing.bindings)

    def has(self, noun: Noun) -> bool:
        match noun:
            case Exchange():
                return noun.name in self._exchanges
            case Queue():
                return noun.name in self._queues
            case Binding():
                return noun in self._bindings
            case Policy():
                return False
            case _:
                assert_never(noun)

    def note(self, noun: Noun) -> None:
        match noun:
            case Exchange():
                self._exchanges[noun.name] = noun
            case Queue():
                self._queues[noun.name] = noun.with_type_from(self._default_queue_type)
            case Binding():
                self._bindings.add(noun)
            case Policy():
                pass
            case _:
                assert_never(noun)

    def objection(self, vhost: str, noun: Noun) -> str | None:
        """Why a broker would not take this object, None if it would."""
        match noun:
            case Exchange():
                same = self._exchanges.get(noun.name, noun) == noun
            case Queue():
                there = self._queues.get(noun.name)
                same = there is None or noun.is_like(there, self._default_queue_type)
            case Binding():
                return self._missing_end(vhost, noun)
            case Policy():
                return None
            case _:
                assert_never(noun)
        return None if same else f"the {kind_of(noun)} {shown(noun.name)!r} is there with other settings"

    def _missing_end(self, vhost: str, binding: Binding) -> str | None:
        to_queue = binding.destination_type is DestinationType.QUEUE
        if binding.source not in self._exchanges:
            return f"no exchange {shown(binding.source)!r} in vhost {shown(vhost)!r}"
        if binding.destination not in (self._queues if to_queue else self._exchanges):
            return f"no {binding.destination_type} {shown(binding.destination)!r} in vhost {shown(vhost)!r}"
        return None
