"""`radlearn check DIR`: the audit told on the terminal, as JSON, and as a page; and the exit code that a script goes by."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from radlearn.check.findings import RULES, SEVERITIES, Finding, counted
from radlearn.endings import print_json
from radlearn.progress import say

if TYPE_CHECKING:
    from radlearn.check.audit import Audit

COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
EXAMPLES = 3
VALUES_SHOWN = 5


def check(folder: Path, json: bool = False, out: Path | None = None, workers: int | None = None) -> int:
    """Audit a folder and tell what came of it.

    Returns:
        The exit code: 1 where something must be mended, else 0.

    Raises:
        BadLayout: if the folder is not there or holds nothing to look at.
    """
    from radlearn.check.audit import audit_folder

    audit = audit_folder(folder, workers)
    if json:
        print_json(as_dict(audit))
    else:
        tell(audit, Console(file=sys.stdout, highlight=False))
    return int(audit.must_be_mended)


def as_dict(audit: "Audit") -> dict[str, object]:
    """Return an audit as `--json` prints it."""
    return {
        "folder": audit.folder,
        "kinds": audit.kinds,
        "synthetic": audit.synthetic,
        "files": len(audit.films),
        "found": counted(audit.findings),
        "findings": [one.as_dict() for one in audit.findings],
        "tables": audit.counts(),
        "clues": [{"name": clue.name, "auroc_score": clue.auroc_score, "films": clue.films, "said": clue.said} for clue in audit.clues],
    }


def tell(audit: "Audit", console: Console) -> None:
    """Print an audit for people."""
    console.print(f"\n[bold]{escape(str(audit.folder))}[/bold]  {escape('; '.join(audit.kinds))}", soft_wrap=True)
    for name, values in audit.counts().items():
        shown = ", ".join(f"{value} ({count:,})" for value, count in list(values.items())[:VALUES_SHOWN])
        more = f", and {len(values) - VALUES_SHOWN:,} others" if len(values) > VALUES_SHOWN else ""
        console.print(f"  {name}: {shown}{more}", markup=False)
    by_rule = grouped(audit.findings)
    for findings in by_rule:
        severity, title = findings[0].severity, RULES[findings[0].rule].title
        console.print(f"\n[{COLOURS[severity]}]{severity}[/]  [bold]{escape(title)}[/bold] · {len(findings):,}")
        for one in findings[:EXAMPLES]:
            console.print(f"  {one.file}: {one.found}" if one.file else f"  {one.found}", markup=False, soft_wrap=True)
        if len(findings) > EXAMPLES:
            console.print(f"  … and {len(findings) - EXAMPLES:,} more", markup=False)
    _tell_what_to_do(audit, by_rule, console)


def grouped(findings: list[Finding]) -> list[list[Finding]]:
    """Return findings that are in order as lists of the same rule and severity."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.severity, one.rule), []).append(one)
    return list(groups.values())


def _tell_what_to_do(audit: "Audit", by_rule: list[list[Finding]], console: Console) -> None:
    counts = counted(audit.findings)
    table = Table(box=SIMPLE_HEAD, title="What to do", title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("what was found")
    table.add_column("", justify="right")
    table.add_column("what to do")
    for findings in by_rule:
        severity, rule = findings[0].severity, RULES[findings[0].rule]
        if severity != "note":
            table.add_row(f"[{COLOURS[severity]}]{severity}[/]", escape(rule.title), f"{len(findings):,}", escape(rule.advice))
    console.print()
    if table.rows:
        console.print(table)
    told = ", ".join(f"{counts[severity]:,} {severity}{'s' * (counts[severity] != 1)}" for severity in SEVERITIES)
    console.print(f"{told}.{'' if audit.must_be_mended else ' Nothing must be mended.'}")
    say("'--json' lists all of it, '--out page.html' shows it with pictures.")
