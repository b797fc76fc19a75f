"""A stage trained in several ways, judged in its cascade: Table 6 of the paper (FID-50k).

    python -m bench.run --suite ablation --system plain=DIR --system blur=DIR [--data REAL]

The paper asks two questions of its second stage: Gaussian blur of the condition or none, L2
or L1. Folders are those of the whole chain, made from the same pictures of the first stage: where
they have the same names, comparisons are paired. Run time: about a minute per 1000 pictures.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="a stage trained in several ways",
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
    paper_table="table6",
    prepare=None,
    unpaired=True,
    embedded="faces-rendered",
)
