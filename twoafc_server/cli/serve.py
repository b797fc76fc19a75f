"""`serve`: the web application under gunicorn. Secrets come from the environment only."""

import os
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from twoafc_server.cli.common import add_database, parser
from twoafc_server.storage.migrate import ready_engine
from twoafc_server.web.app import create_app
from twoafc_server.web.installation.logs import configure
from twoafc_server.web.installation.settings import Settings, from_environment


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our options. No access log: its lines would hold the ids of the links."""

    def __init__(self, settings: Settings, bind: str, workers: int, threads: int) -> None:
        self.settings = settings
        self.options = {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        super().__init__()

    def load_config(self) -> None:
        for key, value in self.options.items():
            if key in self.cfg.settings:
                self.cfg.set(key, value)

    def load(self) -> Flask:
        """Called in each worker: connections must not cross a fork."""
        configure()
        return create_app(self.settings)


def main(argv: list[str]) -> int:
    options = parser("serve", __doc__ or "")
    options.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--threads", type=int, default=8)
    add_database(options)
    given = options.parse_args(argv)
    settings = from_environment(os.environ, given.db)
    # Checked here, so that a wrong database is one line and not a restarting worker.
    ready_engine(settings.database).dispose()
    print(f"serving http://{given.bind}/, {given.workers} workers of {given.threads} threads")
    run(settings, given.bind, given.workers, given.threads)
    return 0


def run(settings: Settings, bind: str, workers: int, threads: int, **_: Any) -> None:
    """Serve until interrupted."""
    Server(settings, bind, workers, threads).run()
