"""All rules, by their codes.

PT0xx names, PT1xx dead letters and retry circuits, PT2xx arguments and policies, PT3xx routes, PT4xx what a
version of RabbitMQ has done away with.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from proca_topo.rules import coded
from proca_topo.rules.rule import Rule


def _rules() -> Iterator[Rule]:
    """The rule of every module in `coded`, in the order of their codes."""
    for name in sorted(module.name for module in iter_modules(coded.__path__)):
        rule: Rule = import_module(f"{coded.__name__}.{name}").RULE
        yield rule


RULES: Final[Mapping[str, Rule]] = {rule.code: rule for rule in _rules()}
