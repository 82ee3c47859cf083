"""`poolcli modes` and `poolcli filters`: what there is, with its formula and source."""

from poolcli.cli.tables import AsJson, print_objects, print_table
from poolcli.ops.filters import FILTERS
from poolcli.ops.modes import MODES


def modes(json: AsJson = False) -> None:
    """List the pooling modes, each with its formula, the options it takes and its source."""
    if json:
        print_objects(
            {"name": mode.name, "formula": mode.formula, "options": dict(mode.options), "source": mode.source}
            for mode in MODES.values()
        )
    else:
        rows = ((m.name, ", ".join(m.options) or "-", f"{m.formula} ({m.source})") for m in MODES.values())
        print_table(("mode", "options", "formula (source)"), rows)


def filters(json: AsJson = False) -> None:
    """List the filters, each with its kernel (rows, not mirrored), its formula and its source."""
    if json:
        print_objects(
            {"name": row.name, "kernel": row.kernel, "formula": row.formula, "source": row.source}
            for row in FILTERS.values()
        )
    else:
        rows = ((row.name, _rows(row.kernel), f"{row.formula} ({row.source})") for row in FILTERS.values())
        print_table(("filter", "kernel", "formula (source)"), rows)


def _rows(kernel: tuple[tuple[float, ...], ...]) -> str:
    return "\n".join(" ".join(f"{value:.3g}" for value in row) for row in kernel)
