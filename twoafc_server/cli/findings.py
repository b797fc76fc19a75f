"""Printing what the checker found."""

from collections.abc import Iterable

from twoafc_server.design.check import Finding


def show(findings: Iterable[Finding]) -> bool:
    """One line per finding; says whether all hold."""
    rows = list(findings)
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{'ok  ' if row.holds else 'WRONG'} {row.name:<{width}}  {row.detail}")
    return all(row.holds for row in rows)
