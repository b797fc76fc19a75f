"""Faces through JPEG at quality 10: the removal of blocks and of lost colours.

    python -m bench.run --suite jpeg [--data DIR]

No table of the paper. Consistency is with JPEG once more: outputs compressed as HR was, against
what HR became. Run time on 2 CPU cores with the embedded 100 rendered faces: half a minute. Learned
systems come by `--checkpoint sr3=FILE`.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="faces of 128x128 after JPEG at quality 10",
    version=1,
    scale=1,
    size=(128, 128),
    systems=("input", "unsharp_mask"),
    metrics=("psnr", "ssim", "consistency", "seconds_per_image"),
    dataset="faces",
    paper_table=None,
    prepare="faces",
    embedded="faces-rendered",
    faces=True,
    degradation="jpeg:quality=10",
)
