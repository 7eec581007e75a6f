"""Which names are ours, and which of them no plan may take away."""

from proca_topo.topology.ownership import IgnoredBinding
from tests.spec.nouns import bound, desired_of, exchange, queue


def test_ownership_and_what_is_ignored() -> None:
    ownership = desired_of(
        """
topology: 1
owns: ["system.*", "{org}.crm", "twin.{org}.{org}", "wrk.{id}"]
ignore: ["system.legacy.*", "{org}x.crm", {exchange: deliver, key: "#"}]
org: {vars: {id: "[0-9]+"}}
""",
        {"acme": "vars: {id: 1}", "beta": "vars: {id: 2}", "gamma": "vars: {id: 2}"},
    ).ownership
    assert ownership.owns_name("system.any.thing")
    assert not ownership.owns_name("system.legacy.one")
    assert not ownership.owns_name("acmex.crm")
    assert ownership.owns_name("twin.a1.a1")
    assert not ownership.owns_name("twin.a1.b2")
    assert ownership.ignored_bindings == {IgnoredBinding(source="deliver", routing_key="#")}
    assert not ownership.owns(bound("deliver", "#", "acme.crm"))
    assert ownership.orgs_by_value == {("id", "1"): "acme"}, "two orgs with one value: it tells nobody"


def test_what_is_protected_says_where_that_is_written() -> None:
    protected = desired_of(
        """
topology: 1
owns: ["s.*", "{org}.crm"]
protect:
  - s.pay*
  - "{org}.crm"
"""
    ).protected
    assert protected.reason(queue("s.payments")) == "protected by protect: s.pay* (topology.yaml:5:5)"
    assert protected.reason(exchange("acme.crm")) == "protected by protect: {org}.crm (topology.yaml:6:5)"
    assert protected.reason(bound("in", "#", "acme.crm")) == protected.reason(exchange("acme.crm"))
    assert protected.reason(bound("s.pay", "#", "other")) == protected.reason(queue("s.pay"))
    assert protected.reason(queue("s.email")) is None
    assert protected.reason(queue("a.b.crm")) is None
    assert not desired_of("topology: 1\nowns: []\n").protected
