"""Foreign rows: public checkpoints, and outputs that are paired by stem and seen by the doctor."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from baselines.foreign.imported import Imported, open_import
from baselines.foreign.pipeline import is_pipeline, load_pipeline
from baselines.foreign.public import SUFFIXES, load_public
from bench.base.run_cache import RunCache
from bench.doctor.examination import check_folder
from bench.doctor.pictures import draw_offenders
from bench.doctor.report import Report
from bench.images.hr import ImageSet, Item, read_output, unique_by_stem
from bench.images.outputs import Output
from bench.running.plan import Plan, Say
from bench.running.row import Progress, RunRow, row_of_system, system_options
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.base.torchvision_guard import import_guarded
from sr3.pictures.images import list_images

SHOWN = 5
UNACCEPTABLE = ("pairing", "decode", "mode", "size")  # such files cannot be measured at all


def foreign_row(name: str, planned: Plan, cache: RunCache, say: Say) -> RunRow:
    """A folder of outputs, a manifest of one, a public checkpoint, or a pipeline of diffusers.

    Raises:
        InputError: no such folder, images that do not pair with the suite's, what the doctor
            refuses and `config.accept` does not name, or a file that holds no RGB super-resolution
            network of the suite's scale.
    """
    path = planned.config.imports[name]
    if path.suffix.lower() in SUFFIXES:
        loaded = load_public(name, path, system_options(name, planned), import_guarded)
        return row_of_system(name, loaded, planned, cache)
    if is_pipeline(path):
        loaded = load_pipeline(name, path, system_options(name, planned))
        return row_of_system(name, loaded, planned, cache)
    opened, accept = open_import(name, path), frozenset(planned.config.accept)
    doctor = examine(opened, planned.images, planned.named, accept, planned.folder, say)
    paired = pair(opened, planned.images, planned.named, accept)
    by_stem = {output.item.stem: output for output in paired}

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        progress(len(items))
        return tuple(by_stem[item.stem] for item in items)

    provenance = dict(opened.provenance) | {"doctor": doctor}
    return RunRow(name, "imported", opened.citation, provenance, outputs)


def examine(
    imported: Imported,
    images: ImageSet,
    named: NamedSuite,
    accept: frozenset[str],
    folder: Path,
    say: Say,
) -> Mapping[str, Any]:
    """Have the doctor look at a folder; what was found and accepted goes into the provenance.

    Args:
        folder: of the run; reports are cached there and pictures of offenders written.

    Raises:
        InputError: an error that is not accepted.
    """
    report = check_folder(imported.folder, named, images, accept, folder / "cache" / "doctor")
    worth_telling = report.of("error") + report.of("warning")
    pictures = folder / "doctor" / imported.name
    if worth_telling and draw_offenders(report, imported.folder, named.suite, images, pictures):
        say(f"{imported.name}: pictures of offenders are in {pictures}")
    for finding in worth_telling:
        say(f"{imported.name}: {finding.severity}, {finding.check}: {finding.message}")
    if report.of("error"):
        raise refusal(report, imported, named)
    return {
        "accepted": [finding.check for finding in report.of("accepted")],
        "findings": {f.check: f.message for f in (*report.of("warning"), *report.of("accepted"))},
    }


def pair(
    imported: Imported, images: ImageSet, named: NamedSuite, accept: frozenset[str]
) -> tuple[Output, ...]:
    """One output per HR image, by stem.

    Extra files are left alone here; the doctor reports them. What it refused and `accept` let
    through is decoded again, so that a run does not stop half-way.

    Raises:
        InputError: missing stems, a stem twice, another size or mode, a damaged file.
    """
    paths = unique_by_stem(list_images(imported.folder))
    missing = [item.stem for item in images.items if item.stem not in paths]
    if missing:
        found = len(images.items) - len(missing)
        raise InputError(
            f"found {found} images in {imported.folder} for system {imported.name}, "
            f"suite {named.name} needs {len(images.items)} of the same names: "
            f"missing {_some(missing)}"
        )
    for item in images.items if accept else ():
        read_output(paths[item.stem], item, f"suite {named.name}")
    return tuple(
        Output(item, paths[item.stem], sha256_of_file(paths[item.stem])) for item in images.items
    )


def refusal(report: Report, imported: Imported, named: NamedSuite) -> InputError:
    """What stops a run: the first error with its offenders, and what can be done."""
    refused = report.of("error")
    more = f" and {len(refused) - 1} more errors" if len(refused) > 1 else ""
    offenders = f" ({_some(refused[0].offenders)})" if refused[0].offenders else ""
    acceptable = [f.check for f in refused if f.check not in UNACCEPTABLE]
    accept = f", or --accept {','.join(acceptable)}" if acceptable else ""
    return InputError(
        f"found {imported.folder} unfit for system {imported.name}: {refused[0].message}"
        f"{offenders}{more}; see `python -m bench.check {imported.folder} --suite {named.name}`"
        f"{accept}"
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
