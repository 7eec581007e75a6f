"""Which messages were taken is known whatever the order and the form of RabbitMQ's answers."""

from hypothesis import given
from hypothesis import strategies as st

from proca_topo.broker.amqp.confirms import Confirms

COUNT = 12


@given(data=st.data())
def test_answers_in_any_order_and_grouping(data: st.DataObject) -> None:
    """Compared with a set of what is unanswered, which each answer takes something from."""
    confirms = Confirms()
    confirms.published = COUNT
    unanswered, taken = set(range(1, COUNT + 1)), set()
    while unanswered:
        number = data.draw(st.sampled_from(sorted(unanswered)))
        multiple, is_taken = data.draw(st.booleans()), data.draw(st.booleans())
        answered = {one for one in unanswered if one < number and multiple} | {number}
        unanswered -= answered
        taken |= answered if is_taken else set()
        (confirms.take if is_taken else confirms.reject)(number, multiple=multiple)
        assert confirms.answered == COUNT - len(unanswered)
        known = {*range(1, confirms.taken_through + 1), *confirms.taken_apart}
        assert known <= taken
        assert confirms.is_complete == (not unanswered)
    assert {*range(1, confirms.taken_through + 1), *confirms.taken_apart} == taken


def test_nothing_published_is_complete() -> None:
    assert Confirms().is_complete
    assert Confirms().taken_through == 0
