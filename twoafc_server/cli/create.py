"""`create`: a study with its balanced slots, from a study file and a stimulus folder."""

import argparse
from dataclasses import replace
from pathlib import Path

from twoafc_server.base.clock import now_ms
from twoafc_server.cli.common import add_database, parser
from twoafc_server.cli.findings import show
from twoafc_server.design.stimuli import read_stimuli
from twoafc_server.design.study_file import StudyFile, from_dict, load, presets
from twoafc_server.export.proof import prove
from twoafc_server.storage.create import create_study
from twoafc_server.storage.database import writing
from twoafc_server.storage.migrate import created_engine


def arguments(argv: list[str]) -> argparse.Namespace:
    options = parser("create", __doc__ or "")
    options.add_argument("study", help=f"a TOML file, or a preset: {', '.join(presets())}")
    options.add_argument("--stimuli", type=Path, required=True, help="folder of `bench.study`")
    options.add_argument("--name", help="store the study under this name")
    add_database(options)
    return options.parse_args(argv)


def named(study: StudyFile, name: str | None) -> StudyFile:
    """The study under another name, checked again. Raises InputError."""
    if name is None:
        return study
    from dataclasses import asdict

    return from_dict({**asdict(replace(study, name=name))}, "--name")


def main(argv: list[str]) -> int:
    given = arguments(argv)
    study = named(load(given.study), given.name)
    folder = read_stimuli(given.stimuli)
    with writing(created_engine(given.db)) as session:
        row = create_study(session, study, folder, now_ms())
        session.flush()
        findings = prove(session, row)
        good = show(findings)
        if not good:
            session.rollback()
    if good:
        print(
            f"created study {study.name}, protocol {study.sha256()[:12]}; link: /study/{study.name}"
        )
    return 0 if good else 1
