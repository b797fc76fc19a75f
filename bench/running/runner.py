"""One way through a run: rows -> images -> values -> records -> tables. Knows no argv."""

from contextlib import closing

from bench.base.run_cache import RunCache
from bench.running.finishing import Result, finish
from bench.running.judging import do_share, evaluator_of, judge_images
from bench.running.making import make_images
from bench.running.plan import Plan, Say
from bench.running.recording import record_row
from bench.running.rows import open_rows
from sr3.base.files import write_json


def run(planned: Plan, say: Say = print) -> Result | None:
    """Make or find every system's images, measure them, write records, tables and the sheet.

    All images are made first and then judged in one pass, so that HR is looked at once. Under
    torchrun every process first does its share of both; only the first one returns a result.
    """
    world = planned.config.world
    with closing(RunCache(planned.folder / "cache.sqlite")) as cache:
        rows = open_rows(planned, cache, say if world.is_first else lambda line: None)
        evaluator = evaluator_of(planned, cache)
        if world.size > 1:
            do_share(planned, evaluator, rows)
            world.wait()
        if not world.is_first:
            return None
        write_json(planned.folder / "run.json", planned.config.to_json())
        made = make_images(planned, rows, say)
        judged = judge_images(planned, evaluator, made, say)
        recorded = [record_row(planned, row) for row in judged]
    return finish(planned, recorded)
