"""`renamed_from`: queues that are on the broker under another name."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace

from proca_topo.spec.context import Context
from proca_topo.spec.placeholders import names_in, wrong_with
from proca_topo.spec.problems import Problem, Where
from proca_topo.spec.sections import Needs, Rename
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import OUR_PREFIX, Kind, is_for_our_use, is_reserved


def add_rename(context: Context, new: str, raw: str, where: Where, needs: Needs) -> None:
    """Note in the context's section what the queue `new` was called before, unless something is wrong with that.

    All queues of the section must be there already.
    """
    before = len(context.problems)
    old = context.short_text(raw, where, "this name")
    if wrong_with(raw, context.placeholders) is not None:
        return  # said already
    if (wrong := _not_a_name_before(context, new, old, raw)) is not None:
        context.problem(where, wrong)
    elif (ignored := context.owned.ignored(old)) is not None:
        text = f"queue {shown(old)} is ignored, so it stays as it is; remove one of the two entries"
        context.problem(where, text, ignored, "ignored at")
    else:
        context.shared_name(old, raw, where, Kind.QUEUE)
    if old != new and (declared := context.queue_named(old)) is not None:
        context.problem(where, _declared(old, new), declared.where, "it is declared at")
    sections = (context.section, *context.outer)
    twin = next((one for section in sections for one in section.renames.values() if one.old == old), None)
    if twin is not None:
        context.problem(where, _twice(old, twin.new, new), twin.where)
    if len(context.problems) == before:
        context.section.renames[new] = Rename(new=new, old=old, where=where, needs=needs)


def _not_a_name_before(context: Context, new: str, old: str, raw: str) -> str | None:
    """Why this queue cannot have had that name before, in words; None if it can."""
    if is_reserved(old):
        what = "names that begin with amq. are" if old else "the empty name is"
        return f"{what} RabbitMQ's own, so no queue of ours had it; remove `renamed_from`"
    if is_for_our_use(old):
        return (
            f"names that begin with {OUR_PREFIX} are of replacements under way, which `apply --replace` finishes; "
            "write the name that the queue had, or remove `renamed_from`"
        )
    if old == new:
        return f"queue {shown(new)} has this name already; write the one it had before, or remove `renamed_from`"
    if context.in_template and not names_in(raw):
        return (
            f"queue {shown(old)} would become one of every org; put {{org}} into this name, "
            "or write `renamed_from` in the file of the org that it belongs to"
        )
    if not context.placeholders and context.owned.covers(old) and _is_of_orgs_only(context, old):
        return (
            f"queue {shown(old)} is an org's, and what is shared was shared before; "
            "rename it in the org template, or cover it by an entry of owns without {…}"
        )
    return None


def for_org(rename: Rename, values: Mapping[str, str]) -> Rename:
    """A rename of the template for an org whose placeholders have these values."""
    return replace(rename, new=rename.new.format_map(values), old=rename.old.format_map(values))


def problems_between(renames: Iterable[Rename], queues: Container[str]) -> Iterator[Problem]:
    """What only shows when every org is expanded: an old queue that one of `queues` is, or that becomes two."""
    first: dict[str, Rename] = {}
    for rename in renames:
        if rename.old in queues:
            yield Problem(where=rename.where, text=_declared(rename.old, rename.new))
        twin = first.setdefault(rename.old, rename)
        if twin is not rename:
            other = twin.where if twin.where != rename.where else None
            yield Problem(where=rename.where, text=_twice(rename.old, twin.new, rename.new), other=other)


def _is_of_orgs_only(context: Context, name: str) -> bool:
    return all(values for values in context.owned.names.values_in(name))


def _declared(old: str, new: str) -> str:
    return f"queue {shown(old)} is declared too, so it cannot become {shown(new)}; keep one of them"


def _twice(old: str, one: str, another: str) -> str:
    return f"queue {shown(old)} would become {shown(one)} and {shown(another)}; keep one `renamed_from`"
