"""Which replacements would be none, had the spec set by a policy what it sets by an argument."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from proca_topo.plan.changes import Plan, Replace
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import STREAM, Queue

# What RabbitMQ takes in a policy of queues under the name of the argument without its `x-`.
_BY_POLICY: Final = frozenset(
    {
        "dead-letter-exchange",
        "dead-letter-routing-key",
        "dead-letter-strategy",
        "delivery-limit",
        "expires",
        "max-age",
        "max-length",
        "max-length-bytes",
        "message-ttl",
        "overflow",
    }
)
_PREFIX: Final = "arguments.x-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Queues that are replaced for the same settings only. `yaml` are lines for topology.yaml, for the first.

    `new` says that they have none of the settings by an argument yet, so that nothing would have to be moved.
    """

    settings: tuple[str, ...]
    new: bool
    queues: tuple[str, ...]
    yaml: tuple[str, ...]

    @property
    def text(self) -> str:
        """The advice in words, to stand above the lines."""
        first = shown(self.queues[0])
        more = f" and {len(self.queues) - 1} more queues like it" if len(self.queues) > 1 else ""
        moving = "" if self.new else " Moving it there is one more replacement, and the last."
        settings, are = " and ".join(self.settings), "is" if len(self.settings) == 1 else "are"
        circuit = (
            " If it is the waiting queue of a retry circuit, write `by: policy` next to its delay instead."
            if "message-ttl" in self.settings
            else ""
        )
        return (
            f"{first}{more} would change in place if {settings} {are} set by a policy instead of by an argument."
            f"{moving} For {first}:{circuit}"
        )


def advice(plan: Plan) -> tuple[Advice, ...]:
    """What to write instead, once for all queues whose replacement has the same reason."""
    groups: dict[tuple[tuple[str, ...], bool], list[Queue]] = defaultdict(list)
    for change in plan.changes:
        if (
            isinstance(change, Replace)
            and isinstance(change.noun, Queue)
            # What is in one cannot be moved: the replacement that the advice begins with is none.
            and change.noun.type != STREAM
            and (settings := _settings(change))
        ):
            groups[settings, all(d.before is None for d in change.differences)].append(change.noun)
    return tuple(
        Advice(settings=settings, new=new, queues=tuple(q.name for q in queues), yaml=_yaml(queues[0], settings))
        for (settings, new), queues in groups.items()
    )


def _settings(change: Replace) -> tuple[str, ...]:
    """The settings that a policy could have, if they alone make this a replacement."""
    names = tuple(difference.path.removeprefix(_PREFIX) for difference in change.differences)
    possible = all(
        difference.path.startswith(_PREFIX) and name in _BY_POLICY and difference.after is not None
        for difference, name in zip(change.differences, names, strict=True)
    )
    return names if possible else ()


def _yaml(queue: Queue, settings: tuple[str, ...]) -> tuple[str, ...]:
    arguments = queue.arguments.to_dict()
    definition = {name: arguments[f"x-{name}"] for name in settings}
    return (
        "policies:",
        f"  {_text(queue.name)}:",
        f"    pattern: {_text(f'^{re.escape(queue.name)}$')}",
        "    apply-to: queues",
        f"    definition: {_text(definition)}",
    )


def _text(value: object) -> str:
    """As JSON, which is YAML too, but for a character beyond U+FFFF as two escapes."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
