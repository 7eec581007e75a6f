"""All rules, by their codes.

PT0xx names, PT1xx dead letters and retry circuits, PT2xx arguments and policies, PT3xx routes, PT4xx what a
version of RabbitMQ has done away with.
"""

from collections.abc import Mapping
from typing import Final

from proca_topo.rules.coded import (
    pt001,
    pt010,
    pt011,
    pt101,
    pt102,
    pt103,
    pt104,
    pt105,
    pt106,
    pt107,
    pt201,
    pt202,
    pt203,
    pt204,
    pt301,
    pt302,
    pt303,
    pt304,
    pt305,
    pt401,
    pt402,
    pt403,
)
from proca_topo.rules.rule import Rule

RULES: Final[Mapping[str, Rule]] = {
    module.RULE.code: module.RULE
    for module in (
        pt001,
        pt010,
        pt011,
        pt101,
        pt102,
        pt103,
        pt104,
        pt105,
        pt106,
        pt107,
        pt201,
        pt202,
        pt203,
        pt204,
        pt301,
        pt302,
        pt303,
        pt304,
        pt305,
        pt401,
        pt402,
        pt403,
    )
}
