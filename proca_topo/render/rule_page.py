"""The pages of the rules, made from their own texts."""

from collections.abc import Iterable, Iterator

from proca_topo.rules.rule import Rule


def rule_page(rule: Rule) -> str:
    """A rule's page, in Markdown."""
    return "\n".join(_lines(rule)) + "\n"


def rules_index(rules: Iterable[Rule]) -> str:
    """The page that lists them."""
    lines = [
        "# Rules",
        "",
        "What `proca-topo validate` finds. RabbitMQ takes most of it without a word. Each page says what",
        "it costs, with an example that breaks the rule and one that does not.",
        "",
        "| code | | |",
        "|---|---|---|",
        *(f"| [{rule.code}]({rule.code}.md) | {rule.severity} | {rule.title} |" for rule in rules),
    ]
    return "\n".join(lines) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"# {rule.code}: {rule.title}"
    yield ""
    about = f" It is asked with `--target {'.'.join(map(str, rule.target))}` or later." if rule.target else ""
    yield f"*{rule.severity.value.capitalize()}.* {rule.cost}{about}"
    yield ""
    yield "```yaml"
    yield rule.example.rstrip("\n")
    yield "```"
    yield ""
    yield f"## What to do\n\n{rule.remedy}"
    yield ""
    yield "```yaml"
    yield rule.mended.rstrip("\n")
    yield "```"
    yield ""
    if rule.find is None:
        yield "It makes a spec invalid, and cannot be allowed."
    else:
        yield "Where it is meant so, say why, where it stands:"
        yield ""
        yield f'```yaml\nallow: {{{rule.code}: "the reason"}}\n```'
