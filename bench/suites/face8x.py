"""Faces 16x16 -> 128x128: Table 2 of the paper (FFHQ -> CelebA-HQ).

    python -m bench.run --suite face8x [--data DIR]

Run time on 2 CPU cores with the embedded 100 rendered faces: about two minutes, most of it sampling
by sr3; a second run takes seconds. The paper's numbers are for CelebA-HQ and stand apart in the
table: they are comparable only with `--data` made from CelebA-HQ by `python -m bench.data prepare`.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="faces 16x16 to 128x128",
    version=1,
    scale=8,
    size=(128, 128),
    systems=("bicubic", "regression", "sr3"),
    metrics=("psnr", "ssim", "consistency", "seconds_per_image"),
    dataset="CelebA-HQ",
    paper_table="table2",
    prepare="faces",
    embedded="faces-rendered",
    faces=True,
    weights="face8x",
)
