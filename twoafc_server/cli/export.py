"""`export`: responses, events, participants and codebook as CSV and JSON, or one sealed bundle.

No file holds the ids of a recruitment service unless `--with-ids` asks for that file, for payment.
"""

from pathlib import Path

from twoafc_server.base.clock import now_ms
from twoafc_server.base.files import write_atomic
from twoafc_server.cli.common import add_database, add_study, new_file, parser
from twoafc_server.export import rows
from twoafc_server.export.download import FILES, download
from twoafc_server.formats.bundle import write_bundle
from twoafc_server.storage import studies
from twoafc_server.storage.database import reading
from twoafc_server.storage.migrate import ready_engine


def main(argv: list[str]) -> int:
    options = parser("export", __doc__ or "")
    add_study(options)
    options.add_argument("--out", type=Path, help="folder for the files; default: the study's name")
    options.add_argument("--bundle", type=Path, metavar="FILE.zip", help="write a sealed bundle")
    options.add_argument("--with-ids", action="store_true", help="also write identities.csv")
    add_database(options)
    given = options.parse_args(argv)
    with reading(ready_engine(given.db)) as session:
        study = studies.find(session, given.study)
        if given.bundle:
            files = rows.bundle_files(session, study, now_ms())
            print(f"wrote {given.bundle}, digest {write_bundle(new_file(given.bundle), files)}")
            return 0
        folder = given.out or Path(study.name)
        for name in FILES:
            if name != "bundle.zip":
                write_atomic(folder / name, download(session, study, name, now_ms()).data)
        if given.with_ids:
            ids = rows.table(rows.identity_rows(session, study))
            write_atomic(folder / "identities.csv", ids.encode())
    print(f"wrote {folder}")
    return 0
