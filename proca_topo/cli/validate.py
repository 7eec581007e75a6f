"""`proca-topo validate`."""

from pathlib import Path

from proca_topo.cli import options, output
from proca_topo.errors import SpecError


def validate(
    *,
    result_format: options.FormatOption = options.Format.TEXT,
    directory: options.Directory = Path(),
) -> None:
    """Check topology.yaml and every org file, without a broker.

    All problems are shown at once, each as file:line:column: what is wrong, and what would be right.

    \b
      proca-topo validate
      proca-topo validate -C topology --format json
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.render.validation import invalid_json, valid_json, valid_text
    from proca_topo.spec.read import load_desired, read_topology

    try:
        topology = read_topology(directory)
        desired = load_desired(topology, with_routes=True)
    except SpecError as error:
        if result_format is options.Format.JSON:
            output.result(invalid_json(error.problems))
        raise
    org_files = len(topology.org_names())
    match result_format:
        case options.Format.TEXT:
            output.result(valid_text(desired, org_files))
        case options.Format.JSON:
            output.result(valid_json(desired, org_files))
