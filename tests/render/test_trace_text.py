"""How many lines a trace has is known without making them."""

from hypothesis import given, settings

from proca_topo.render.trace_text import line_count, trace_lines
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import CLASSIC
from proca_topo.topology.routing.tracing import Tracer
from proca_topo.topology.routing.visits import Fate
from tests.apply.test_trying import topologies


@given(desired=topologies())
@settings(max_examples=30, deadline=None)
def test_it_has_as_many_lines_as_it_says(desired: Desired) -> None:
    tracer = Tracer(desired, waiting=desired.waiting, default_queue_type=CLASSIC)
    for contract in desired.routes[::7]:
        for fate in (None, *Fate):
            trace = tracer.trace(contract.exchange, contract.message, fate)
            lines = [line.text for line in trace_lines(trace)]
            tree = lines[1 : lines.index("")]
            assert len(tree) == min(line_count(trace.start), 501)
