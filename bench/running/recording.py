"""From values to a record: what was measured of a row and all it depended on, written at once."""

from dataclasses import dataclass
from typing import Any

from bench.images.generated import NO_LR
from bench.images.hr import ImageSet
from bench.images.outputs import Output, digest_of_folder
from bench.measuring.evaluation import Evaluation
from bench.records.provenance import git_state, hardware, libraries
from bench.records.record import Record, now, write_images, write_record
from bench.running.judging import JudgedRow
from bench.running.plan import Plan
from sr3.base.files import write_json


@dataclass(frozen=True)
class RecordedRow:
    """One finished row; outputs are empty for a system that did not run."""

    record: Record
    outputs: tuple[Output, ...] = ()
    evaluation: Evaluation | None = None


def record_row(planned: Plan, judged: JudgedRow) -> RecordedRow:
    """Write per-image values, draws of set-level metrics and the record that names them."""
    record, evaluation = record_of(planned, judged), judged.evaluation
    if evaluation is not None:
        write_images(planned.folder, record.system, judged.outputs, evaluation.per_image)
        if evaluation.sets:
            sets = {k: {"value": s.value, "n": s.interval.n, "draws": list(map(float, s.draws))}
                    for k, s in evaluation.sets.items()}  # fmt: skip
            write_json(planned.folder / f"{record.system}.draws.json", sets)
    write_record(planned.folder, record)
    return RecordedRow(record, judged.outputs, evaluation)


def record_of(planned: Plan, judged: JudgedRow) -> Record:
    """Scores with suite, data, system and machine."""
    row, evaluation, suite, images = (
        judged.row,
        judged.evaluation,
        planned.named.suite,
        planned.images,
    )
    return Record(
        suite=planned.named.name,
        suite_version=suite.version,
        system=row.name,
        role=row.role,
        source=row.source,
        dataset=dataset_of(images),
        scale=suite.scale,
        size=suite.size or (),
        downsampler=NO_LR if suite.unpaired else images.lr.id,
        seed=planned.config.seed,
        batch_size=planned.config.batch_size,
        checkpoint_sha256=row.provenance.get("checkpoint_sha256"),
        sampler=row.provenance.get("sampler"),
        steps=row.provenance.get("steps"),
        provenance=row.provenance,
        outputs_sha256=digest_of_folder(judged.outputs) if judged.outputs else None,
        libraries=libraries(),
        hardware=hardware(planned.config.device),
        git=git_state(),
        created=now(),
        metrics=evaluation.scores if evaluation else {},
        status=row.problem or "ok",
        extra=({"unpaired": len(judged.outputs)} if suite.unpaired else {})
        | ({"weights": evaluation.weights} if evaluation and evaluation.weights else {})
        | dict(images.lr.record()),
    )


def dataset_of(images: ImageSet) -> dict[str, Any]:
    """The images of a record; gray ones are named, since they are judged as three channels."""
    told = {"name": images.name, "sha256": images.sha256, "n": len(images.items)}
    return told | ({"gray": list(images.gray)} if images.gray else {})
