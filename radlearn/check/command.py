"""`radlearn check DIR`: the audit on the terminal, as JSON and as a page, and an exit code for scripts."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from radlearn.check.findings import Finding, counted, grouped
from radlearn.check.rules import RULES, SEVERITIES
from radlearn.endings import print_json
from radlearn.file_names import printable
from radlearn.number_bounds import checked_workers
from radlearn.outputs import prove_output
from radlearn.progress import Terminal, say, waiting

if TYPE_CHECKING:
    from radlearn.check.audit import Audit
    from radlearn.check.forecast import Forecast

COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
EXAMPLES = 3
VALUES_SHOWN = 5


def check(folder: Path, json: bool = False, out: Path | None = None, workers: int | None = None) -> int:
    """Audit a folder, print the result, and return the exit code: 1 where something must be mended, else 0.

    Raises:
        BadLayout: if the folder is not there or holds nothing to look at.
    """
    from radlearn.check.audit import audit_folder
    from radlearn.check.forecast import forecasts

    if out is not None:
        prove_output(out, [Path(folder)], b"<!doctype html", "a page of this command", ".html")
    audit = audit_folder(folder, checked_workers(workers))
    costs = forecasts(audit.labelled)
    if json:
        print_json(as_dict(audit, costs))
    else:
        tell(audit, costs, Terminal(sys.stdout))
    if out is not None:
        # matplotlib, which nothing else here needs.
        from radlearn.check.page import write_page

        # After what was found is told: a page that cannot be written must not take it along.
        with waiting("drawing the page"):
            write_page(out, audit, costs)
        say(f"With pictures: {out}")
    return int(audit.must_be_mended)


def as_dict(audit: "Audit", costs: "Sequence[Forecast]") -> dict[str, object]:
    """Return an audit as `--json` prints it."""
    return {
        "folder": audit.folder,
        "kinds": audit.kinds,
        "synthetic": audit.synthetic,
        "files": len(audit.xrays),
        "found": counted(audit.findings),
        "findings": [one.as_dict() for one in audit.findings],
        "tables": audit.counts(),
        "clues": [{"name": clue.name, "auroc_score": clue.auroc_score, "images": clue.xrays, "said": clue.said} for clue in audit.clues],
        "forecast": [cost.as_dict() for cost in costs],
    }


def tell(audit: "Audit", costs: "Sequence[Forecast]", console: Console) -> None:
    """Print an audit for people."""
    console.print()
    console.print(_bold(str(audit.folder)), f" {'; '.join(audit.kinds)}", soft_wrap=True)
    for name, values in audit.counts().items():
        shown = ", ".join(f"{value} ({count:,})" for value, count in list(values.items())[:VALUES_SHOWN])
        more = f", and {len(values) - VALUES_SHOWN:,} other{'s' * (len(values) > VALUES_SHOWN + 1)}" if len(values) > VALUES_SHOWN else ""
        console.print(f"  {name}: {shown}{more}")
    by_rule = grouped(audit.findings)
    for findings in by_rule:
        severity, title = findings[0].severity, RULES[findings[0].rule].title
        console.print()
        console.print(Text(severity, COLOURS[severity]), "", _bold(title), f"· {len(findings):,}")
        for one in findings[:EXAMPLES]:
            console.print(f"  {one.file}: {one.found}" if one.file else f"  {one.found}", soft_wrap=True)
        if len(findings) > EXAMPLES:
            console.print(f"  … and {len(findings) - EXAMPLES:,} more")
    if audit.clues:
        told = ", ".join(f"{clue.name} {clue.auroc_score:.2f}" for clue in audit.clues[:VALUES_SHOWN])
        console.print()
        console.print(_bold("What tells the label best"), f"(AUROC of one field alone; 0.5 is chance): {told}")
    _tell_what_to_do(by_rule, console)
    if costs:
        _tell_costs(costs, console)
    counts = counted(audit.findings)
    told = ", ".join(f"{counts[severity]:,} {severity}{'s' * (counts[severity] != 1)}" for severity in SEVERITIES)
    console.print(f"{told}.{'' if audit.must_be_mended else ' Nothing must be mended.'}")
    say("'--json' lists all of it, '--out page.html' shows it with pictures.")


def _tell_what_to_do(by_rule: list[list[Finding]], console: Console) -> None:
    table = _table("What to do", ("", "what was found", "", "what to do"))
    for findings in by_rule:
        severity, rule = findings[0].severity, RULES[findings[0].rule]
        if severity != "note":
            table.add_row(Text(severity, COLOURS[severity]), rule.title, f"{len(findings):,}", rule.advice)
    console.print()
    if table.rows:
        console.print(table)


def _tell_costs(costs: "Sequence[Forecast]", console: Console) -> None:
    from radlearn.check.forecast import table_rows

    columns, rows = table_rows(costs)
    table = _table("What training will cost, roughly", columns)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(f"Estimated from {costs[0].basis}.\n")


def _bold(text: str) -> Text:
    return Text(printable(text), "bold")


def _table(title: str, columns: "Sequence[str]") -> Table:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table
