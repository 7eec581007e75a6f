"""What a person sees of the queues, at 80 columns."""

from proca_topo.plan.status import State
from proca_topo.render.lines import WIDTH
from proca_topo.render.status_text import status_text
from tests.render.statuses import EVERY_STATE, EVIL_STATUS, queue, status_with
from tests.render.unsafe import assert_harmless


def test_everything_that_there_is_to_tell() -> None:
    assert (
        status_text(EVERY_STATE)
        == """\
Status of vhost proca on http://localhost:15672 (RabbitMQ 4.0.5)
8 queues: 12,347 messages ready, 12 unacknowledged, 6 consumers
3 messages wait in retry circuits
120 messages are held by replacements under way
1 queue of the spec is not there: acme.crm; plan tells more

Replacements under way
  acme.news -> acme.newsletter
      holds 120 messages (100 that were in it, 20 that came since); the old
      queue is gone; apply finishes it
  acme.crm
      holds 0 messages; held back: 1 consumer is on it: stop it

Replacements of exchanges under way
  confirm (topic -> direct)
      messages find their way all the while; apply finishes it
  deliver (topic -> direct)
      it does not exist at the moment, and publishers see that; apply finishes
      it

Messages and no consumer
     ready  unacked  consumers  queue
    12,345        0          0  acme.moderate

No longer in the spec
     ready  unacked  consumers  queue
         1        2          1  former.crm
            waits: 3 messages in it, 2 of them unacknowledged
            2 bindings still bring it messages: apply --prune unbinds it
         0        0          0  former.moderate
            nothing keeps it: apply --prune deletes it

Waiting to come back
         3 in system.retry, back within 90s
            to system.email.confirm, system.email.thankyou, system.sqs and
            1 more

At work
     ready  unacked  consumers  queue
         1       10          4  system.email.confirm

By org
     ready  unacked  consumers  waiting  org
    12,345        0          1        0  acme
         1       10          4        3  (shared)
         1        2          1        0  former

3 queues are empty and in the spec; --all lists them.
"""
    )


def test_all_shows_what_is_empty_too() -> None:
    everything = status_text(EVERY_STATE, everything=True)
    assert (
        """
Idle
     ready  unacked  consumers  queue
         ?        0          ?  acme.log
         0        0          1  acme.confirm
"""
        in everything
    )
    assert (
        """
         0 in acme.retry, when they are back is not known
            to acme.crm
"""
        in everything
    )
    assert "--all" not in everything


def test_where_nothing_goes_on_three_lines_do() -> None:
    assert (
        status_text(status_with(queue("acme.crm", State.IDLE, "acme"), orgs=("acme",)))
        == """\
Status of vhost proca on http://localhost:15672 (RabbitMQ 4.0.5)
Only org acme
1 queue: 0 messages ready, 0 unacknowledged, 0 consumers

1 queue is empty and in the spec; --all lists them.
"""
    )


def test_thousands_of_queues_are_no_flood_unless_asked_for() -> None:
    """Every section has no more than a screenful."""
    queues = [queue(f"org{n:04}.crm", State.UNATTENDED, f"org{n:04}", ready=1) for n in range(5000)]
    few = status_text(status_with(*queues))
    assert len(few.splitlines()) < 60
    assert few.count("  … and 4,980 more: --all lists them\n") == 2
    assert len(status_text(status_with(*queues), everything=True).splitlines()) > 10_000


def test_80_columns() -> None:
    for everything in (False, True):
        assert all(len(line) <= WIDTH for line in status_text(EVERY_STATE, everything=everything).splitlines())


def test_names_cannot_do_anything_to_a_terminal() -> None:
    assert_harmless(status_text(EVIL_STATUS))
    assert_harmless(status_text(EVIL_STATUS, everything=True))
