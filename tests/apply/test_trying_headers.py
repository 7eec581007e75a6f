"""Messages that go by their headers, on paper and on RabbitMQ."""

import pytest

from proca_topo.contracts.checking import check
from proca_topo.contracts.verdicts import State, all_kept
from tests.apply.test_trying import tried
from tests.brokers.fixtures import TestBroker
from tests.spec.nouns import desired_of

pytestmark = pytest.mark.broker


def test_dead_letters_go_by_the_headers_that_tell_of_their_first_death(broker_urls: TestBroker) -> None:
    desired = desired_of(
        """
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, dead: {type: headers}}
queues:
  work: {dead-letter: {exchange: dead}, bindings: [{exchange: in, key: work}]}
  wait: {ttl: 1h, dead-letter: {exchange: dead}, bindings: [{exchange: in, key: wait}]}
  expired:
    bindings: [{exchange: dead, arguments: {x-match: all-with-x, x-first-death-reason: expired}}]
  of-work:
    dead-letter: {exchange: dead, key: again}
    bindings: [{exchange: dead, arguments: {x-match: any-with-x, x-first-death-queue: work, what: else}}]
  slow:
    ttl: 1h
    dead-letter: {exchange: dead}
    bindings: [{exchange: dead, arguments: {x-match: all-with-x, x-first-death-queue: wait, slow: 1}}]
  of-slow:
    bindings: [{exchange: dead, arguments: {x-match: all-with-x, x-first-death-queue: slow}}]
  from-in:
    bindings: [{exchange: dead, arguments: {x-match: all-with-x, x-first-death-exchange: in}}]
  without-x: {bindings: [{exchange: dead, arguments: {x-match: any, x-first-death-reason: expired}}]}
  told-before: {bindings: [{exchange: dead, arguments: {x-match: any-with-x, x-first-death-reason: mine}}]}
routes:
  - {publish: {exchange: in, key: work}, after: rejected, reaches: [of-work, from-in]}
  - {publish: {exchange: in, key: wait}, after: expired, reaches: [expired, from-in]}
  - {publish: {exchange: in, key: wait, headers: {slow: 1}}, after: expired, reaches: [expired, from-in]}
  - {publish: {exchange: "", key: wait}, after: expired, reaches: [expired]}
  - publish: {exchange: "", key: wait, headers: {x-first-death-reason: mine, x-first-death-exchange: in}}
    after: expired
    reaches: [expired]
  - {publish: {exchange: dead, headers: {x-first-death-queue: work}}, reaches: [of-work]}
""",
        with_routes=True,
    )
    foretold = check(desired, desired.routes)
    assert all_kept(foretold), [one.outcome for one in foretold]
    assert [one for one in tried(broker_urls, desired).verdicts if one.state is not State.KEPT] == []


def test_what_dead_letters_have_by_the_version_is_left_to_the_broker(broker_urls: TestBroker) -> None:
    desired = desired_of(
        """
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, dead: {type: headers}}
queues:
  work: {dead-letter: {exchange: dead}, bindings: [{exchange: in, key: work}]}
  has-died: {bindings: [{exchange: dead, arguments: {x-match: all-with-x, x-last-death-queue: work}}]}
routes:
  - {publish: {exchange: in, key: work}, reaches: [work]}
  - {publish: {exchange: in, key: work}, after: rejected, reaches: [has-died]}
""",
        with_routes=True,
    )
    assert [one.state for one in check(desired, desired.routes)] == [State.KEPT, State.UNDECIDED]
    since_4 = State.BROKEN if broker_urls.version.startswith("3.") else State.KEPT
    assert [one.state for one in tried(broker_urls, desired).verdicts] == [State.KEPT, since_4]


def test_further_keys_in_cc_and_bcc(broker_urls: TestBroker) -> None:
    """They count as the routing key does, until a queue gives its dead letters another one."""
    desired = desired_of(
        """
topology: 1
owns: ["*"]
exchanges:
  t: {type: topic, alternate: lost}
  d: {type: direct}
  h: {type: headers}
  behind: {type: topic, bindings: [{exchange: d, key: through}]}
  lost: {type: fanout}
queues:
  a: {bindings: [{exchange: t, key: a.*}, {exchange: d, key: a}]}
  b: {bindings: [{exchange: t, key: b.*}, {exchange: d, key: b}, {exchange: behind, key: b.c}]}
  both: {bindings: [{exchange: t, key: "*.c"}]}
  lost: {bindings: [{exchange: lost}]}
  by-cc: {bindings: [{exchange: h, arguments: {CC: [a]}}]}
  by-bcc: {bindings: [{exchange: h, arguments: {BCC: [a]}}]}
  keeps: {dead-letter: {exchange: t}, bindings: [{exchange: d, key: keeps}]}
  changes: {dead-letter: {exchange: t, key: a.x}, bindings: [{exchange: d, key: changes}]}
  waits: {ttl: 1h, dead-letter: {exchange: t}, bindings: [{exchange: d, key: waits}]}
  waits-quorum: {type: quorum, ttl: 1h, dead-letter: {exchange: t}, bindings: [{exchange: d, key: waits-quorum}]}
  first: {ttl: 1h, dead-letter: {exchange: "", key: second}}
  second: {ttl: 1h, dead-letter: {exchange: ""}}
routes:
  - {publish: {exchange: t, key: a.c, headers: {CC: [b.c]}}, reaches: [a, b, both]}
  - {publish: {exchange: t, key: x, headers: {CC: [b.x]}}, reaches: [b]}
  - {publish: {exchange: t, key: x, headers: {CC: [y], BCC: [b.x]}}, reaches: [b]}
  - {publish: {exchange: t, key: x, headers: {CC: [], BCC: [1]}}, reaches: [lost]}
  - {publish: {exchange: d, key: a, headers: {CC: [b, b], BCC: [a]}}, reaches: [a, b]}
  - {publish: {exchange: d, key: through, headers: {BCC: [b.c]}}, reaches: [b]}
  - {publish: {exchange: "", key: a, headers: {CC: [b, nobody], BCC: [both, a]}}, reaches: [a, b, both]}
  - {publish: {exchange: h, headers: {CC: [a]}}, reaches: [by-cc]}
  - {publish: {exchange: h, headers: {BCC: [a]}}, reaches: []}
  - {publish: {exchange: d, key: keeps, headers: {CC: [a.x], BCC: [b.x]}}, after: rejected, reaches: [a, b]}
  - {publish: {exchange: d, key: changes, headers: {CC: [b.x], BCC: [b.y]}}, after: rejected, reaches: [a]}
  - {publish: {exchange: d, key: waits, headers: {CC: [a.x], BCC: [b.x]}}, after: expired, reaches: [a, b]}
  - {publish: {exchange: d, key: waits-quorum, headers: {CC: [a.x], BCC: [b.x]}}, after: expired, reaches: [a, b]}
  - {publish: {exchange: "", key: first, headers: {CC: [a], BCC: [b]}}, after: expired, reaches: [a, b]}
""",
        with_routes=True,
    )
    assert [one for one in tried(broker_urls, desired).verdicts if one.state is not State.KEPT] == []
    foretold = check(desired, desired.routes)
    assert all_kept(foretold), [one.outcome for one in foretold]


def test_whether_dead_letters_with_another_key_have_cc_is_left_to_the_broker(broker_urls: TestBroker) -> None:
    desired = desired_of(
        """
topology: 1
owns: ["*"]
exchanges: {h: {type: headers}}
queues:
  work: {dead-letter: {exchange: h, key: dead}}
  other: {dead-letter: {exchange: h}}
  by-cc: {bindings: [{exchange: h, arguments: {CC: [a]}}]}
routes:
  - {publish: {exchange: "", key: other, headers: {CC: [a]}}, after: rejected, reaches: [by-cc]}
  - {publish: {exchange: "", key: work, headers: {CC: [a]}}, after: rejected, reaches: [by-cc]}
""",
        with_routes=True,
    )
    since_4 = State.BROKEN if broker_urls.version.startswith("3.") else State.KEPT
    assert [one.state for one in tried(broker_urls, desired).verdicts] == [State.KEPT, since_4]
    assert [one.state for one in check(desired, desired.routes)] == [State.KEPT, State.UNDECIDED]
