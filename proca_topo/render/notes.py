"""What is said about changes: next to the change if it is said once, otherwise once for all of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from proca_topo.plan.changes import Change, Retire
from proca_topo.render.impact_text import impact_sentences
from proca_topo.render.lines import Line, Role, wrapped
from proca_topo.topology.names import one_line


class Topic(StrEnum):
    """What a remark is about."""

    HELD_BACK = "held back"
    WAITS = "waits"
    HAZARD = "hazard"
    MESSAGES = "messages"
    UNROUTED = "unrouted"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about a change."""

    topic: Topic
    text: str


def remarks(change: Change) -> Iterator[Remark]:
    """Everything to know about one change."""
    if change.impact is not None:
        for sentence in impact_sentences(change.impact, is_held_back=change.held_back is not None):
            topic = Topic.UNROUTED if sentence.cuts_off else Topic.MESSAGES
            yield Remark(topic, sentence.text)
    if isinstance(change, Retire):
        yield Remark(Topic.WAITS, change.reason)
    for hazard in change.hazards:
        yield Remark(Topic.HAZARD, hazard.message)
    if change.held_back is not None:
        yield Remark(Topic.HELD_BACK, change.held_back)


@dataclass
class Notes:
    """The remarks on many changes. Those that occur more than once get a number, in order of appearance."""

    counts: Counter[Remark]
    numbers: dict[Remark, int] = field(default_factory=dict)

    @classmethod
    def on(cls, changes: tuple[Change, ...]) -> "Notes":
        """The notes that these changes need."""
        return cls(Counter(remark for change in changes for remark in remarks(change)))

    def marks(self, change: Change) -> str:
        """What to put behind a change's name: `  held back [1], hazard [2]`."""
        marks = [self._mark(remark) for remark in remarks(change) if self.counts[remark] > 1]
        return "  " + ", ".join(marks) if marks else ""

    def beneath(self, change: Change) -> Iterator[Line]:
        """What is said of this change alone, to put beneath it."""
        for remark in remarks(change):
            if self.counts[remark] == 1:
                yield from wrapped(one_line(remark.text), _role(remark.topic), indent=6, label=f"{remark.topic}: ")

    def numbered(self) -> Iterator[Line]:
        """What is said of several, by its number."""
        for remark, number in self.numbers.items():
            label = f"[{number}] {remark.topic} ({self.counts[remark]} changes): "
            yield from wrapped(one_line(remark.text), _role(remark.topic), indent=2, label=label)

    def _mark(self, remark: Remark) -> str:
        number = self.numbers.setdefault(remark, len(self.numbers) + 1)
        return f"{remark.topic} [{number}]"


def _role(topic: Topic) -> Role:
    match topic:
        case Topic.HAZARD | Topic.UNROUTED:
            return Role.HAZARD
        case Topic.HELD_BACK | Topic.WAITS:
            return Role.HELD_BACK
        case Topic.MESSAGES:
            return Role.DETAIL
        case _:
            assert_never(topic)
