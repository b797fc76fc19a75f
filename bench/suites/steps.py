"""Quality against the number of refinement steps of each stage: Fig. 12 of the paper.

    python -m bench.run --suite steps --system 256+4=DIR --system 256+8=DIR [--data REAL]

A row is named by the steps of its stages in order, joined by `+`; the run draws `steps.png`, the
score over the steps of the stage that varies. Run time: a minute per 1000 pictures on 2 CPU cores.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="number of steps of each stage",
    version=1,
    scale=1,
    size=None,
    systems=(),
    metrics=(
        "fid_ref",
        "fd_efficientnet_lite0",
        "precision_efficientnet_lite0",
        "recall_efficientnet_lite0",
        "density_efficientnet_lite0",
        "coverage_efficientnet_lite0",
    ),
    dataset="ImageNet 256x256",
    paper_table=None,
    prepare=None,
    unpaired=True,
    embedded="faces-rendered",
)
