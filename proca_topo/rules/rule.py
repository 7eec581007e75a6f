"""What a rule is, and what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proca_topo.topology.nouns import Noun

if TYPE_CHECKING:
    from proca_topo.rules.subject import Subject


class Severity(StrEnum):
    """An error loses messages or will be refused; a warning may be meant so."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One object that breaks a rule, and how. `noun` None is for the name pattern of the org template."""

    code: str
    noun: Noun | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and its own text.

    `title` says what is wrong, `cost` what comes of it, `remedy` what to do. `example` is a whole topology.yaml
    that breaks it, `mended` one that does not; `org` is the file of two orgs for both, None if there are none.
    `find` is None for what is an error of the spec, found in reading it. `target` is the least version of RabbitMQ
    that it is about.
    """

    code: str
    severity: Severity
    title: str
    cost: str
    remedy: str
    example: str
    mended: str
    org: str | None = None
    target: tuple[int, int] | None = None
    find: "Callable[[Subject], Iterable[Finding]] | None" = None

    def finding(self, noun: Noun | None, text: str) -> Finding:
        """Something that breaks this rule."""
        return Finding(code=self.code, noun=noun, text=text)
