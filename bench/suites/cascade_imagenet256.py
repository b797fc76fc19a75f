"""Class-conditional pictures 256x256: Table 5 of the paper (FID-50k, IS).

    python -m bench.run --suite cascade-imagenet256 --system vqvae2=DIR --system biggan10=DIR

Real pictures are those of `--data` or the statistics that `python -m bench.reference make --suite
cascade-imagenet256` keeps; then only FID and IS can be had. Numbers compare with the paper at
50,000 generated pictures only, 50 per class. Run time on 2 CPU cores: a minute per 1000.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="generated natural images 256x256",
    version=1,
    scale=1,
    size=(256, 256),
    systems=(),
    metrics=(
        "fid_ref",
        "is",
        "precision",
        "recall",
        "density",
        "coverage",
        "fd_efficientnet_lite0",
        "precision_efficientnet_lite0",
        "recall_efficientnet_lite0",
        "density_efficientnet_lite0",
        "coverage_efficientnet_lite0",
    ),
    dataset="ImageNet",
    paper_table="table5",
    prepare="natural",
    unpaired=True,
    count=50_000,
)
