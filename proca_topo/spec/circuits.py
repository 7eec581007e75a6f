"""Retry circuits: each expands to a fail exchange, a waiting queue and a return exchange."""

from dataclasses import replace
from typing import Final

from proca_topo.spec.bindings import add_binding
from proca_topo.spec.context import Context
from proca_topo.spec.parts import CircuitDoc
from proca_topo.spec.placeholders import names_in, regex_of_text, wrong_with
from proca_topo.spec.policies import add_policy
from proca_topo.spec.problems import Where, nearest
from proca_topo.spec.sections import Circuit, Declared, Needs
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Kind, Policy, Queue

_NO_FAIL_TYPES: Final = {
    "direct": "a direct exchange would need one binding for each queue that uses it; make it topic or fanout",
    "headers": "a headers exchange does not look at routing keys; make it topic or fanout",
}
_NO_RETURN_TYPES: Final = {
    "fanout": "from a fanout exchange every message would return to every queue; make it topic or direct",
    "headers": "a headers exchange does not look at routing keys; make it topic or direct",
}


def add_circuit(context: Context, name: str, doc: CircuitDoc) -> None:
    """Add what a circuit consists of; exchanges that are declared elsewhere are used as they are."""
    where = context.root.at("retry", name)
    key = context.root.key("retry", name)
    if (taken := circuit_named(context, name)) is not None:
        context.problem(key, f"retry circuit {shown(name)} is described twice; keep one", taken.where)
    needs = context.needs(doc.when, where.at("when"))
    fail = _exchange(context, doc.fail, where.at("fail"), needs, _NO_FAIL_TYPES)
    back = _exchange(context, doc.return_, where.at("return"), needs, _NO_RETURN_TYPES)
    if fail.name == back.name:
        context.problem(
            where.at("return"),
            f"fail and return are both {shown(fail.name)}, so what returns would fail again; use two exchanges",
        )
    wait = _waiting_queue(context, doc, where, needs, back.name)
    circuit = Circuit(fail=fail.name, wait=wait, return_=back.name, where=key, needs=needs)
    context.section.circuits[name] = circuit
    to_wait = Binding(
        source=fail.name,
        destination=wait,
        routing_key=("#" if fail.type == "topic" else "")
        if doc.key is None
        else context.short_text(doc.key, where.at("key"), "this routing key"),
    )
    target = context.queue_named(wait)
    add_binding(context, to_wait, where.key("wait"), needs if target is None else target.needs)
    if doc.by == "policy":
        _delay_policy(context, doc, where, wait)


def _exchange(context: Context, raw: str, where: Where, needs: Needs, refused: dict[str, str]) -> Exchange:
    name = context.text(raw, where)
    found = context.exchange_named(name)
    if found is None:
        context.name(raw, where, Kind.EXCHANGE)
        found = Declared(noun=Exchange(name=name, type="topic"), where=where, needs=needs)
        context.section.exchanges[name] = found
        context.circuits_made.add(name)
    elif name in context.circuits_made:
        # Circuits share it: it is there when any of them is.
        either = (found.needs[0] | needs[0],) if found.needs and needs else ()
        context.section.exchanges[name] = replace(found, needs=either)
    else:
        context.used_exchange(name, where, needs, user="the retry circuit")
    if (why := refused.get(found.noun.type)) is not None:
        context.problem(
            where, f"exchange {shown(name)} is {found.noun.type}: {why}", found.where, "it is declared at"
        )
    return found.noun


def _waiting_queue(context: Context, doc: CircuitDoc, where: Where, needs: Needs, back: str) -> str:
    name = context.name(doc.wait, where.at("wait"), Kind.QUEUE)
    arguments: dict[str, str | int] = {"x-dead-letter-exchange": back}
    if doc.by == "argument":
        arguments["x-message-ttl"] = doc.delay
    noun = Queue(name=name, type=doc.type, arguments=Arguments.of(arguments))
    context.add(context.section.queues, name, Declared(noun=noun, where=where.at("wait"), needs=needs))
    return name


def _delay_policy(context: Context, doc: CircuitDoc, where: Where, wait: str) -> None:
    """The policy that sets the delay. In the template one for all orgs: thousands of policies, each tried on each
    queue, would make every declare slow. So it is shared, and its pattern matches the waiting queue of any org.
    """
    if wrong_with(wait, context.placeholders) is not None:
        return
    section, at = context.section, where.at("policy") if doc.policy is not None else where.at("wait")
    name, pattern = (
        doc.policy if doc.policy is not None else wait,
        f"^{regex_of_text(doc.wait, context.owned.patterns)}$",
    )
    if context.in_template:
        section = context.outer[-1]
        if doc.policy is None:
            text = "`by: policy` in the org template needs `policy: NAME`: one for all orgs"
            context.problem(where.key("by"), text, depends=True)
            return
        if names_in(name):
            context.problem(at, "one policy serves all orgs, so its name has no placeholders; remove them")
            return
        context.shared_name(name, name, at, Kind.POLICY)
    elif doc.policy is not None:
        name = context.name(name, at, Kind.POLICY)
    policy = Policy(
        name=name, pattern=pattern, apply_to="queues", definition=Arguments.of({"message-ttl": doc.delay})
    )
    add_policy(context, section, policy, at)


def circuit_named(context: Context, name: str) -> Circuit | None:
    """The circuit of this name that is nearest."""
    return next((s.circuits[name] for s in (context.section, *context.outer) if name in s.circuits), None)


def circuit_of(context: Context, name: str, retry: str, where: Where, needs: Needs) -> Circuit | None:
    """The circuit that a queue's `retry` names; None, and a problem, if it is not there when the queue is."""
    circuit = circuit_named(context, retry)
    if circuit is None:
        known = [one for section in (context.section, *context.outer) for one in section.circuits]
        advice = nearest(retry, known, "; describe it under `retry`")
        context.problem(where, f"unknown retry circuit {shown(retry)}{advice}", depends=True)
    else:
        used = f"retry circuit {shown(retry)}"
        user = f"queue {shown(name)}"
        context.leans_on(needs, circuit.needs, where, user=user, used=used, used_at=circuit.where)
    return circuit
