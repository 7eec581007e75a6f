"""Asking RabbitMQ for the names that match a pattern."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote

from proca_topo.broker.http.client import ManagementApi, is_addressable, path_of
from proca_topo.broker.reading.listing import list_policies
from proca_topo.topology.existing import Scope

# RabbitMQ takes request lines up to 8,000 bytes.
_PATTERNS_LENGTH: Final = 2_000
_PAGE_SIZE: Final = 500
_ANY_NAME: Final = r"\A"


def names_matching(
    api: ManagementApi, vhost: str, kind: str, patterns: tuple[str, ...], pool: ThreadPoolExecutor
) -> frozenset[str]:
    """The names of queues or of exchanges (`kind`) that one of these expressions matches from end to end."""
    if not patterns:
        return frozenset()
    # RabbitMQ matches bytes, and we characters: its answer is only the first, coarser sieve.
    asked = _unions(patterns) if all(map(str.isascii, patterns)) else (_ANY_NAME,)
    pages = pool.map(lambda regex: list(_listed(api, vhost, kind, regex)), asked)
    ours = [re.compile(pattern) for pattern in patterns]
    return frozenset(
        name
        for names in pages
        for name in names
        if is_addressable(name) and any(pattern.fullmatch(name) for pattern in ours)
    )


def policies_matching(api: ManagementApi, vhost: str, scope: Scope) -> frozenset[str]:
    """The names of policies that the scope covers. RabbitMQ does not search among policies."""
    if not scope.name_patterns:
        return frozenset()
    return frozenset(name for name in list_policies(api, vhost) if scope.covers(name))


def _listed(api: ManagementApi, vhost: str, kind: str, regex: str) -> Iterator[str]:
    # Names without counts: a sixth of what the counts of 15,000 queues cost. Without `page` nothing is filtered.
    question = (
        f"{path_of(kind, vhost)}?name={quote(regex, safe='')}&use_regex=true&columns=name&disable_stats=true"
    )
    pages = page = 1
    while page <= pages:
        answer = api.get_object(f"{question}&page={page}&page_size={_PAGE_SIZE}")
        yield from (entry["name"] for entry in answer["items"])
        pages, page = answer["page_count"], page + 1


def _unions(patterns: tuple[str, ...]) -> Iterator[str]:
    union: list[str] = []
    for pattern in patterns:
        if union and sum(map(len, union)) + len(pattern) > _PATTERNS_LENGTH:
            yield _anchored(union)
            union = []
        union.append(pattern)
    yield _anchored(union)


def _anchored(patterns: list[str]) -> str:
    """A name that one of them matches, or one that is not ASCII, where bytes and characters are not the same."""
    return f"\\A(?:{'|'.join(f'(?:{pattern})' for pattern in patterns)})\\z|[^\\x00-\\x7F]"
