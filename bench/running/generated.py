"""Rows of an unpaired suite: folders of generated pictures, seen by a doctor of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from baselines.foreign.imported import Imported, open_import
from bench.doctor.generated import check_generated
from bench.images.generated import open_generated
from bench.images.hr import Item
from bench.images.outputs import Output
from bench.running.foreign import refusal
from bench.running.plan import Plan, Say
from bench.running.row import Progress, RunRow


def generated_row(name: str, planned: Plan, say: Say) -> RunRow:
    """A folder of generated pictures or its manifest.

    Raises:
        InputError: no such folder, or what the doctor refuses and `config.accept` does not name.
    """
    config = planned.config
    opened = open_import(name, config.imports[name])
    doctor = _examined(opened, planned, say)
    own = open_generated(opened.folder, planned.named, config.limit, bool(config.accept))

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        progress(len(own))
        return own

    provenance = dict(opened.provenance) | {"doctor": doctor}
    return RunRow(name, "imported", opened.citation, provenance, outputs, own=own)


def _examined(imported: Imported, planned: Plan, say: Say) -> Mapping[str, Any]:
    """What the doctor found, for the record."""
    config, named = planned.config, planned.named
    report = check_generated(
        imported.folder,
        named,
        planned.images,
        frozenset(config.accept),
        planned.folder / "cache" / "doctor",
        config.training,
    )
    for finding in report.of("error") + report.of("warning"):
        say(f"{imported.name}: {finding.severity}, {finding.check}: {finding.message}")
    if report.of("error"):
        raise refusal(report, imported, named)
    told = {f.check: f.message for f in (*report.of("warning"), *report.of("accepted"))}
    return {"accepted": [f.check for f in report.of("accepted")], "findings": told}
