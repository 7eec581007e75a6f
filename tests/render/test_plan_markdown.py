"""A plan as a comment at a pull request."""

from dataclasses import replace

from proca_topo.plan.changes import Declare
from proca_topo.render.plan_markdown import plan_markdown
from proca_topo.topology.nouns import Queue
from tests.render.plans import EVERY_ACTION, evil_plan, of_orgs, plan_of
from tests.render.unsafe import assert_harmless


def test_a_short_plan_is_open() -> None:
    assert (
        plan_markdown(plan_of(*EVERY_ACTION[:3]))
        == """\
### Plan for vhost proca on http://localhost:15672

| declare | update | replace | retire | delete | held back | unchanged |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| 2 | 1 | 0 | 0 | 0 | 0 | 120 |

```diff
@@ Shared @@
+ exchange confirm (topic)
+ exchange audit (fanout, transient, internal)
~ policy   retry-ttl
    message-ttl: 30000 -> 60000
    hazard: takes effect at once on 1 queue
```

**Plan: 2 to declare, 1 to update; 120 unchanged.**
"""
    )


def test_a_plan_without_changes() -> None:
    assert (
        plan_markdown(plan_of())
        == """\
### Plan for vhost proca on http://localhost:15672

**No changes. 120 objects are as desired.**
"""
    )


def test_a_long_plan_is_folded() -> None:
    text = plan_markdown(of_orgs(10))
    assert "<details><summary>70 changes</summary>\n\n```diff\n" in text
    assert text.endswith("```\n\n</details>\n\n**Plan: 70 to declare; 0 unchanged.**\n")


def test_a_plan_that_no_comment_can_hold_is_cut_and_says_so() -> None:
    text = plan_markdown(of_orgs(5000))
    assert len(text) < 65_536
    assert "The rest is too long for a comment: " in text
    assert "**Plan: 35000 to declare; 0 unchanged.**" in text


def test_names_cannot_leave_the_block() -> None:
    name = "a````\n</details><script>|`b`"
    text = plan_markdown(plan_of(Declare(noun=Queue(name=name))))
    assert "\n`````diff\n" in text
    assert '+ queue    "a````\\n</details><script>|`b`"\n`````\n' in text


def test_markdown_and_html_in_headings_are_escaped() -> None:
    plan = plan_of(orgs=("<b>*x*|`y`",))
    assert "Only &lt;b&gt;\\*x\\*\\|\\`y\\`\n" in plan_markdown(plan)


def test_names_cannot_do_anything_to_a_terminal() -> None:
    assert_harmless(plan_markdown(evil_plan()))


def test_a_plan_that_apply_refuses_says_so_in_the_end() -> None:
    refused = replace(plan_of(), refused="it deletes 12")
    assert plan_markdown(refused).endswith("as desired.**\n\n**apply will refuse this plan: it deletes 12**\n")
