"""What goes wrong in a drill: one class per kind of place, one function per fault.

A fault is a coroutine that breaks something, waits, and mends it.
"""

import asyncio
import contextlib
import random
import signal
import subprocess

import psutil
from sqlalchemy import text

from hosting.browser import Browser, LostError
from hosting.service import postmaster
from twoafc_server.storage.database import open_engine

LASTS_S = (0.5, 2.5)


class Scene:
    """What faults may touch: server, database, network, the folder that can be full."""

    def __init__(self, service, base, folder, url, clock, seed):
        self.service, self.base, self.folder, self.url = service, base, folder, url
        self.clock = clock
        self.random = random.Random(seed)

    async def wait(self):
        await asyncio.sleep(self.random.uniform(*LASTS_S))

    def execute(self, *statements):
        engine = open_engine(self.url)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()


async def away(scene):
    """The database is shut down, or crashes, and comes back."""
    how = scene.random.choice((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL))
    process = psutil.Process(postmaster(scene.base))
    children = process.children(recursive=True)
    process.send_signal(how)
    await asyncio.to_thread(psutil.wait_procs, [process, *children], 15)
    await scene.wait()
    await asyncio.to_thread(scene.base.ensure_postgres_running)


async def slow(scene):
    """Every process of the database is stopped, as on a machine that stalls, and goes on."""
    process = psutil.Process(postmaster(scene.base))
    stopped = [process, *process.children(recursive=True)]
    for one in stopped:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.suspend()
    await scene.wait()
    for one in stopped:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.resume()


async def locked(scene):
    """Somebody holds SQLite's write lock."""
    engine = open_engine(scene.url)
    with engine.begin():
        await scene.wait()
    engine.dispose()


async def read_only(scene):
    """The database takes no writes, as a standby before it is promoted."""
    setting = "ALTER SYSTEM SET default_transaction_read_only = {}"
    await asyncio.to_thread(scene.execute, setting.format("on"), "SELECT pg_reload_conf()")
    await scene.wait()
    mend = "SET default_transaction_read_only = off"
    await asyncio.to_thread(scene.execute, mend, setting.format("off"), "SELECT pg_reload_conf()")


async def full(scene):
    """Not a byte is left on the database's disk."""
    filler = scene.folder / "filler"
    await asyncio.to_thread(_fill, filler)
    if scene.base is not None:
        # The next write needs a new segment of the log, which is not to be had.
        with contextlib.suppress(Exception):
            await asyncio.to_thread(scene.execute, "SELECT pg_switch_wal()")
    await scene.wait()
    filler.unlink()
    if scene.base is not None:
        await asyncio.to_thread(_restart_if_dead, scene.base)


def _fill(path):
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


def _restart_if_dead(base):
    with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, psutil.TimeoutExpired):
        psutil.Process(postmaster(base)).wait(3)
    base.ensure_postgres_running()


async def worker_killed(scene):
    """A worker is killed at a random moment; gunicorn starts another."""
    for _ in range(2):
        workers = scene.service.children()
        if workers:
            scene.random.choice(workers).kill()
        await scene.wait()


async def master_killed(scene):
    """gunicorn's master is killed; what watches over it ends its workers and starts it again, as
    systemd does."""
    orphans = scene.service.children()
    scene.service.process.kill()
    scene.service.process.wait()
    await scene.wait()
    for how in (psutil.Process.terminate, psutil.Process.kill):
        for one in orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                how(one)
        _, orphans = await asyncio.to_thread(psutil.wait_procs, orphans, 5)
    scene.service.start()
    await asyncio.to_thread(scene.service.wait)


async def clock_jumps(scene):
    """The machine's clock is set three hours on, then three hours back."""
    for hours in (3, -3, 0):
        scene.clock.write_text(str(3600 * hours))
        await asyncio.sleep(0.7)


class Network:
    """How requests travel. kind: lost, duplicated, late or reordered."""

    def __init__(self, kind, seed):
        self.kind, self.random = kind, random.Random(seed)
        self.tasks = set()

    async def post(self, browser, path, body, headers):
        act = getattr(self, self.kind)
        return await act(browser, ("POST", path, body, "application/json", headers))

    async def lost(self, browser, request):
        """One in eight never arrives; of one in eight the reply is lost."""
        chance = self.random.random()
        if chance < 0.125:
            raise LostError("never sent")
        reply = await browser.ask(*request)
        if chance < 0.25:
            raise LostError("reply lost")
        return reply

    async def duplicated(self, browser, request):
        """Four in ten arrive twice at the same time."""
        if self.random.random() < 0.4:
            self._beside(browser, request, 0)
        return await browser.ask(*request)

    async def late(self, browser, request):
        """Four in ten arrive once more, up to two seconds later."""
        if self.random.random() < 0.4:
            self._beside(browser, request, self.random.uniform(0.05, 2))
        return await browser.ask(*request)

    async def reordered(self, browser, request):
        """Half of the onsets arrive up to a second late, after their answers."""
        if request[1].endswith("/onset") and self.random.random() < 0.5:
            await asyncio.sleep(self.random.uniform(0, 1))
        return await browser.ask(*request)

    def _beside(self, browser, request, wait_s):
        async def again():
            beside = Browser(browser.port)
            beside.cookies = dict(browser.cookies)
            await asyncio.sleep(wait_s)
            with contextlib.suppress(LostError):
                await beside.ask(*request)
            beside.close()

        task = asyncio.create_task(again())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def mounted(folder, megabytes=600):
    """Mounts a small disk of memory there; False where one may not."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


ACTS = {
    "away": away,
    "slow": slow,
    "read-only": read_only,
    "full": full,
    "worker": worker_killed,
    "master": master_killed,
    "clock": clock_jumps,
}
NETWORKS = ("lost", "duplicated", "late", "reordered")
