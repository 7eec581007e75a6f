"""What one needs to know to read a part of the spec, and the checks that all its parts share."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from proca_topo.rules.codes import MISSING_DEAD_LETTER_EXCHANGE
from proca_topo.spec.fields import NOTHING
from proca_topo.spec.owned import Owned
from proca_topo.spec.placeholders import names_in, wrong_with
from proca_topo.spec.problems import Problem, Where, misspelt, nearest
from proca_topo.spec.sections import Declared, Needs, Section, are_met, implies
from proca_topo.topology.names import MAX_NAME_BYTES, shown
from proca_topo.topology.nouns import Exchange, Kind, Queue, is_reserved

D = TypeVar("D", Declared[Exchange], Declared[Queue])


@dataclass(slots=True, kw_only=True)
class Context:
    """Where we are: in the shared part (no placeholders), in the template (placeholders stay), or in the file of
    an org (placeholders are filled in at once: `values`).

    `options` are those that `when` may name, None where there are none to name; `switched_on` those of the org
    whose file it is. `outer` is what was read before
    and can be referred to, the nearest first. `circuits_made` are the exchanges that only circuits ask for.
    """

    root: Where
    owned: Owned
    placeholders: Collection[str] = ()
    values: Mapping[str, str] | None = None
    options: Collection[str] | None = None
    switched_on: frozenset[str] = frozenset()
    outer: tuple[Section, ...] = ()
    section: Section = field(default_factory=Section)
    problems: list[Problem] = field(default_factory=list)
    circuits_made: set[str] = field(default_factory=set)

    @property
    def in_template(self) -> bool:
        """Whether placeholders stay as they are."""
        return bool(self.placeholders) and self.values is None

    def problem(
        self,
        where: Where,
        text: str,
        other: Where | None = None,
        other_is: str = "the other one is at",
        *,
        depends: bool = False,
    ) -> None:
        """Note that something is wrong; `depends` as in `Problem`."""
        self.problems.append(Problem(where=where, text=text, other=other, other_is=other_is, depends=depends))

    def text(self, raw: str, where: Where) -> str:
        """A text of the spec: its placeholders checked, and filled in unless this is the template."""
        if (wrong := wrong_with(raw, self.placeholders)) is not None:
            self.problem(where, wrong, depends=bool(self.placeholders) and bool(names_in(raw)))
            return raw
        if self.values is not None:
            return raw.format_map(self.values)
        return raw if self.placeholders else raw.replace("{{", "{").replace("}}", "}")

    def short_text(self, raw: str, where: Where, what: str) -> str:
        """A text that AMQP limits to 255 bytes."""
        text = self.text(raw, where)
        size = len(text.encode())
        if size > MAX_NAME_BYTES and not self.in_template:
            self.problem(where, f"{what} is {size} bytes long; RabbitMQ takes at most {MAX_NAME_BYTES} (PT010)")
        return text

    def value(self, raw: Any, where: Where) -> Any:  # noqa: ANN401 - any JSON value
        """A value among arguments, with the placeholders in its texts treated."""
        match raw:
            case str():
                return self.text(raw, where)
            case list():
                return [self.value(item, where.at(index)) for index, item in enumerate(raw)]
            case dict():
                return self.table(raw, where)
            case _:
                return raw

    def table(self, raw: Mapping[str, Any], where: Where) -> dict[str, Any]:
        """A table of arguments, with the placeholders in its texts treated."""
        # Keys have no placeholders; in the template their braces must outlast the filling in.
        return {
            key.replace("{", "{{").replace("}", "}}") if self.in_template else key: self.value(item, where.at(key))
            for key, item in raw.items()
        }

    def arguments(self, raw: Mapping[str, Any], where: Where) -> dict[str, Any]:
        """The table of what is declared: RabbitMQ's management API refuses a null anywhere in it."""
        for nothing in _nulls(raw, where):
            self.problem(nothing, f"`{shown(str(nothing.path[-1]))}` {NOTHING}")
        return self.table(raw, where)

    def name(self, raw: str, where: Where, kind: Kind) -> str:
        """The name of something that is declared: not reserved, not too long, ours, and each org's own."""
        name = self.short_text(raw, where, f"the name of this {kind}")
        if wrong_with(raw, self.placeholders) is not None:
            return name  # said already
        if self.in_template and not is_reserved(name) and not names_in(raw):
            self.problem(
                where,
                f"{kind} {shown(name)} would be the same for every org; put {{org}} into its name, "
                "or declare it outside the org template",
            )
        else:
            self.shared_name(name, raw, where, kind)
        return name

    def shared_name(self, name: str, raw: str, where: Where, kind: Kind) -> None:
        """Check a name (`raw` as it is written) that every org may share."""
        if is_reserved(name):
            what = "names that begin with amq. are" if name else "the empty name is"
            self.problem(where, f"{what} RabbitMQ's own; choose another name for this {kind} (PT011)")
        elif "\n" in name or "\r" in name:
            text = f"there is a line break in the name of {kind} {shown(name)}, and RabbitMQ would take it out"
            self.problem(where, f"{text}; remove it")
        elif not self.owned.covers(name):
            text = f"{kind} {shown(name)} is not covered by owns; add {_in_quotes(raw)} to owns"
            self.problem(where, text, depends=True)
        elif (ignored := self.owned.ignored(name)) is not None:
            self.problem(
                where, f"{kind} {shown(name)} is ignored; declare it or ignore it, not both", ignored, "ignored at"
            )

    def needs(self, when: list[str] | None, where: Where) -> Needs:
        """What `when` asks for."""
        if when is None:
            return ()
        if self.options is None:
            self.problem(where, "`when` works in the org template only: options are switched on by orgs")
            return ()
        if not when:
            self.problem(where, "`when` names no option; remove it, or name one")
        for index, option in enumerate(when):
            if option not in self.options:
                advice = nearest(option, self.options, "; the template has no options")
                self.problem(where.at(index), f"unknown option {shown(option)}{advice}", depends=True)
        return (frozenset(when),)

    def add(self, table: dict[str, D], name: str, declared: D) -> None:
        """Put something that is declared into this section, unless that name is taken."""
        kind = Kind.EXCHANGE if isinstance(declared.noun, Exchange) else Kind.QUEUE
        taken = self.exchange_named(name) if kind is Kind.EXCHANGE else self.queue_named(name)
        if taken is None:
            table[name] = declared
        else:
            self.problem(declared.where, f"{kind} {shown(name)} is declared twice; keep one", taken.where)

    def exchange_named(self, name: str) -> Declared[Exchange] | None:
        """A declared exchange."""
        return next((s.exchanges[name] for s in (self.section, *self.outer) if name in s.exchanges), None)

    def queue_named(self, name: str) -> Declared[Queue] | None:
        """A declared queue."""
        return next((s.queues[name] for s in (self.section, *self.outer) if name in s.queues), None)

    def known_names(self, kind: Kind) -> list[str]:
        """The names of all exchanges, or of all queues, that can be referred to."""
        sections = (self.section, *self.outer)
        if kind is Kind.EXCHANGE:
            return [name for section in sections for name in section.exchanges]
        return [name for section in sections for name in section.queues]

    def used_exchange(self, name: str, where: Where, needs: Needs, *, user: str) -> None:
        """Check an exchange that something leans on: declared, there whenever its user is, or somebody else's."""
        target = self.referred_exchange(name, where)
        if target is not None:
            used = f"exchange {shown(name)}"
            self.leans_on(needs, target.needs, where, user=user, used=used, used_at=target.where)

    def takes_dead_letters(
        self, name: str, where: Where, needs: Needs, *, user: str, allow: Mapping[str, str]
    ) -> None:
        """Check a dead-letter exchange. That there is none can be allowed: then only a rule tells it."""
        if MISSING_DEAD_LETTER_EXCHANGE in allow and self.exchange_named(name) is None:
            return
        before = len(self.problems)
        self.used_exchange(name, where, needs, user=user)
        if self.exchange_named(name) is None:
            self.problems[before:] = [
                replace(one, text=f"{one.text} ({MISSING_DEAD_LETTER_EXCHANGE})") for one in self.problems[before:]
            ]

    def leans_on(self, needs: Needs, its: Needs, where: Where, *, user: str, used: str, used_at: Where) -> None:
        """Check that what needs `needs` always has what needs `its`."""
        if implies(needs, its) or (self.values is not None and are_met(its, self.switched_on)):
            return
        if self.values is not None:
            off = " and ".join(
                " or ".join(sorted(options)) for options in its if options.isdisjoint(self.switched_on)
            )
            text = f"{user} needs {used}, which this org has switched off; switch on {off}"
        else:
            text = f"{user} can be there while {used} is switched off"
            text += f"; give both the same `when`, or remove that of {used}"
        self.problem(where, text, used_at, "it is declared at", depends=True)

    def referred_exchange(self, name: str, where: Where) -> Declared[Exchange] | None:
        """The declared exchange of this name; None if it is somebody else's, RabbitMQ's own, or a problem."""
        if is_reserved(name) or wrong_with(name, self.placeholders) is not None:
            return None
        found = self.exchange_named(name)
        if found is not None:
            return found
        known = self.known_names(Kind.EXCHANGE)
        if self.owned.ignored(name) is not None:
            return None
        if self.owned.covers(name):
            self.problem(where, f"no exchange {shown(name)} is declared{nearest(name, known)}", depends=True)
        elif (close := misspelt(name, known)) is not None:
            self.problem(
                where,
                f"no exchange {shown(name)} is declared; did you mean {shown(close)}? "
                "If it is somebody else's, add it to ignore",
                depends=True,
            )
        return None


def _in_quotes(name: str) -> str:
    safe = shown(name)
    return safe if safe.startswith('"') else f'"{safe}"'


def _nulls(value: object, where: Where) -> Iterator[Where]:
    match value:
        case None:
            yield where
        case list():
            for index, item in enumerate(value):
                yield from _nulls(item, where.at(index))
        case dict():
            for key, item in value.items():
                yield from _nulls(item, where.at(key))
