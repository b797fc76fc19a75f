"""What the doctor found: a finding per check, and a report of them all."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

Severity = Literal["ok", "skipped", "accepted", "warning", "error"]
WORST_LAST: tuple[Severity, ...] = ("ok", "skipped", "accepted", "warning", "error")
EXIT_CODES: Mapping[Severity, int] = {
    "ok": 0,
    "skipped": 0,
    "accepted": 0,
    "warning": 1,
    "error": 3,
}
SHOWN_NAMES = 4


@dataclass(frozen=True)
class Finding:
    """The verdict of one check.

    Attributes:
        check: id of the check.
        severity: "error" refuses the folder, "accepted" is an error or warning taken knowingly.
        message: what was found, what was wanted and what to do.
        offenders: names of files or stems, worst first.
        numbers: what was measured.
    """

    check: str
    severity: Severity
    message: str
    offenders: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All findings about one folder."""

    folder: str
    suite: str
    n: int
    findings: tuple[Finding, ...]
    pictures: Mapping[str, str] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """The worst severity of all findings."""
        return max((f.severity for f in self.findings), key=WORST_LAST.index, default="ok")

    @property
    def exit_code(self) -> int:
        """0 clean or accepted, 1 warnings, 3 refused."""
        return EXIT_CODES[self.severity]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Findings of one severity."""
        return tuple(f for f in self.findings if f.severity == severity)

    def accept(self, checks: frozenset[str]) -> "Report":
        """The same report with the warnings and errors of `checks` taken knowingly."""
        return replace(self, findings=tuple(_accepted(f, checks) for f in self.findings))

    def to_json(self) -> dict[str, Any]:
        """For `--json` and for the provenance of an import."""
        return asdict(self) | {"severity": self.severity}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Report":
        """A report as `to_json` wrote it."""
        findings = tuple(
            Finding(**{**f, "offenders": tuple(f["offenders"])}) for f in content["findings"]
        )
        kept = {name: content[name] for name in ("folder", "suite", "n", "pictures")}
        return cls(findings=findings, **kept)

    def lines(self) -> list[str]:
        """The report for people."""
        rows = [f"{f.severity:>8}  {f.check:<12} {f.message}{_names(f)}" for f in self.findings]
        return [f"{self.folder}: {self.n} pictures for suite {self.suite}", *rows]


def _names(finding: Finding) -> str:
    if not finding.offenders or finding.severity == "ok":
        return ""
    shown = ", ".join(finding.offenders[:SHOWN_NAMES])
    more = len(finding.offenders) - SHOWN_NAMES
    return f" [{shown}{f' and {more} more' if more > 0 else ''}]"


def _accepted(finding: Finding, checks: frozenset[str]) -> Finding:
    if finding.check in checks and finding.severity in ("warning", "error"):
        return replace(finding, severity="accepted")
    return finding
