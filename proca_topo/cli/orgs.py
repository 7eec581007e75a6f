"""`proca-topo orgs`."""

from pathlib import Path

from proca_topo.cli import options, output


def orgs(
    *,
    result_format: options.FormatOption = options.Format.TEXT,
    directory: options.Directory = Path(),
) -> None:
    """List the orgs and what each has switched on.

    \b
      proca-topo orgs
      proca-topo orgs --format json
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.render.orgs import orgs_json, orgs_text
    from proca_topo.spec.read import org_settings
    from proca_topo.spec.topology_file import read_topology

    found = org_settings(read_topology(directory))
    match result_format:
        case options.Format.TEXT:
            output.result(orgs_text(found))
        case options.Format.JSON:
            output.result(orgs_json(found))
