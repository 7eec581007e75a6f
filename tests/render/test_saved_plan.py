"""A saved plan: written, read back, and told apart from everything else that people have in files."""

import json
from functools import partial
from pathlib import Path
from typing import assert_never

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proca_topo.errors import UsageError
from proca_topo.plan.changes import Action, Change, Declare, Delete, Plan, Replace, Retire, Update
from proca_topo.plan.planner import make_plan
from proca_topo.plan.saved import SavedPlan, saved_plan
from proca_topo.render.definitions import definitions_json
from proca_topo.render.plan_json import plan_json, plan_schema
from proca_topo.render.plan_markdown import plan_markdown
from proca_topo.render.plan_text import plan_text
from proca_topo.render.report_json import report_json
from proca_topo.render.saved_plan import saved_plan_from, saved_plan_json, saved_plan_schema
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Noun, Queue
from tests.broker.nouns import bindings, exchanges, policies, queues
from tests.calls import assert_grows_with_size
from tests.plan.circuit_world import desired, existing
from tests.render.plans import EVERY_ACTION, applied, evil_plan, of_orgs, plan_of, report_of
from tests.render.unsafe import assert_harmless

DOCS = Path(__file__).parents[2] / "docs"


def kept(plan: Plan, there: Existing | None = None, wanted: Desired | None = None) -> SavedPlan:
    return saved_plan(
        plan,
        there or Existing(broker=plan.broker, vhost=plan.vhost),
        wanted or desired(exchanges=(), queues=(), bindings=()),
        with_prune=True,
    )


def written(plan: Plan) -> str:
    return saved_plan_json(plan, kept(plan))


typeless = st.builds(Queue, name=st.just("typeless"), durable=st.booleans())
nouns: st.SearchStrategy[Noun] = st.one_of(queues, exchanges, bindings, policies, typeless)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    noun = draw(nouns)
    held_back = draw(st.sampled_from([None, "why"]))
    action = draw(st.sampled_from(Action))
    match action:
        case Action.DECLARE:
            return Declare(noun=noun, held_back=held_back)
        case Action.UPDATE:
            return Update(noun=noun, held_back=held_back, differences=())
        case Action.REPLACE:
            return Replace(noun=noun, held_back=held_back, differences=())
        case Action.RETIRE:
            return Retire(noun=noun, held_back=held_back, reason="3 messages in it")
        case Action.DELETE:
            return Delete(noun=noun, held_back=held_back, along_with=draw(st.sampled_from([None, "a"])))
        case _:
            assert_never(action)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    found=st.lists(changes(), max_size=4),
    there=st.lists(queues, max_size=3),
    wanted=st.lists(queues, max_size=3),
    orgs=st.lists(st.sampled_from(["acme", "ü"]), unique=True),
)
def test_what_is_compared_comes_back_as_it_was(
    found: list[Change], there: list[Queue], wanted: list[Queue], orgs: list[str]
) -> None:
    plan = plan_of(*found, orgs=tuple(orgs))
    saved = kept(plan, existing(queues=tuple(there)), desired(queues=tuple(wanted)))
    assert saved_plan_from(saved_plan_json(plan, saved), "plan.json") == saved


def test_it_is_the_plans_json_and_more() -> None:
    there, wanted = existing(queues=()), desired()
    plan = make_plan(there, wanted)
    document = json.loads(saved_plan_json(plan, kept(plan, there, wanted)))
    jsonschema.validate(document, saved_plan_schema())
    jsonschema.validate(document, plan_schema())
    plain = json.loads(plan_json(plan))
    assert {name: document[name] for name in plain if name != "changes"} == {
        name: value for name, value in plain.items() if name != "changes"
    }
    assert [{**change, "before": None} for change in plain["changes"]] == document["changes"]
    assert document.keys() - plain.keys() == {"prune", "replacing", "default_queue_type", "as_desired"}


@pytest.mark.parametrize("plan", [plan_of(), plan_of(*EVERY_ACTION), evil_plan()], ids=["empty", "every", "evil"])
def test_it_fits_the_schema_and_comes_back(plan: Plan) -> None:
    text = written(plan)
    jsonschema.validate(json.loads(text), saved_plan_schema())
    assert_harmless(text)
    assert saved_plan_from(text, "plan.json") == kept(plan)


def test_the_schema_in_docs_is_current() -> None:
    text = (DOCS / "saved-plan.schema.json").read_text()
    assert json.loads(text) == saved_plan_schema(), "run scripts/docs.py"


SPEC = "# ours\ntopology: 1\nowns: []\n"


@pytest.mark.parametrize(
    ("text", "seems"),
    [
        ("", "it is empty"),
        ("hello", "1:1: Expecting value"),
        ("[1]", "its top level is no object"),
        ("[" * 100_000, "it is nested too deeply"),
        ("{}", "it has no changes"),
        (SPEC, "it looks like a part of the spec; apply reads that"),
        ("options: {crm: true}\n", "it looks like a part of the spec; apply reads that"),
        ('{"topology": 1}', "it looks like a part of the spec; apply reads that"),
        (definitions_json(desired(), "proca"), "it looks like RabbitMQ definitions; if that file is the broker"),
        (plan_text(plan_of(*EVERY_ACTION)), "it is a plan for people to read"),
        (plan_markdown(plan_of(*EVERY_ACTION)), "it is a plan for people to read"),
        (plan_json(plan_of(*EVERY_ACTION)), "it is what plan --format json has written"),
        (report_json(report_of(*applied(EVERY_ACTION[0]))), "it is what apply --format json has written"),
        (written(plan_of()).replace('"prune": true', '"prune": 1'), "prune: Input should be a valid boolean"),
        (written(plan_of()).replace('"prune"', '"purge"'), "prune: Field required"),
        (written(plan_of(EVERY_ACTION[3])).replace('"durable"', '"name"'), "this entry has no usable 'name'"),
    ],
)
def test_what_is_no_saved_plan_is_told_for_what_it_is(text: str, seems: str) -> None:
    with pytest.raises(UsageError) as caught:
        saved_plan_from(text, "plan.json")
    assert str(caught.value).startswith(f"plan.json is no plan that plan --out has written: {seems}")


def test_one_of_a_newer_version_is_told_to_be_so() -> None:
    with pytest.raises(UsageError, match="was written by a newer proca-topo: its format_version is 2"):
        saved_plan_from(written(plan_of()).replace('"format_version": 1', '"format_version": 2'), "plan.json")


def test_the_cost_grows_with_the_number_of_changes() -> None:
    assert_grows_with_size(lambda orgs: partial(saved_plan_from, written(of_orgs(orgs)), "plan.json"), 100)
