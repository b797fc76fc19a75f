"""`status`: the studies of a database, or one study's progress, quality and participants."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from twoafc_server.cli.common import add_database, add_study, parser
from twoafc_server.export.summary import ConditionRow, Summary, summarise
from twoafc_server.storage import studies
from twoafc_server.storage.database import reading
from twoafc_server.storage.migrate import ready_engine
from twoafc_server.storage.models import Study


def main(argv: list[str]) -> int:
    options = parser("status", __doc__ or "")
    add_study(options, nargs="?")
    add_database(options)
    given = options.parse_args(argv)
    with reading(ready_engine(given.db)) as session:
        if given.study is None:
            print_rows(overview(session))
        else:
            study = studies.find(session, given.study)
            print(f"{study.name}: {study.status}, locked {study.protocol_sha256[:12]}")
            report(summarise(session, study))
    return 0


def overview(session: Session) -> Iterable[Sequence[object]]:
    yield ("study", "status", "done", "claimed", "free")
    for study in session.scalars(select(Study).order_by(Study.created_at)):
        counts = studies.slot_counts(session, study)
        yield (study.name, study.status, counts.done, counts.claimed, counts.free)


def report(summary: Summary) -> None:
    """Rates of conditions that are not full are blinded here too."""
    print_rows(
        [
            ("task", "system", "exposure_ms", "done", "claimed", "free", "trials", "fool_rate"),
            *(_condition(row) for row in summary.conditions),
        ]
    )
    q = summary.quality
    print(f"answers {q.answers}; participants {summary.statuses or 'none'}")
    if q.answers:
        print(
            f"median time to answer {q.rt_median:.0f} ms; exposure error: median "
            f"{q.exposure_error_median:.1f} ms, worst {q.exposure_error_worst:.1f} ms"
        )
        print("flags " + (", ".join(f"{k} {v:.1%}" for k, v in q.flag_shares.items()) or "none"))


def _condition(row: ConditionRow) -> tuple[object, ...]:
    rate = "blinded" if row.fool_rate is None else f"{row.fool_rate:.3f}"
    system = row.system or "all"
    counts = (row.done, row.claimed, row.free, row.n)
    return (row.task, system, row.exposure_ms, *counts, rate)


def print_rows(rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns."""
    cells = [[str(value) for value in row] for row in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))]
    for row in cells:
        print(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )
