"""Faces 64x64 -> 512x512: the paper's larger face model (Table 1); it prints no scores for it.

    python -m bench.run --suite face8x-hr --data DIR

Needs HR images of 512x512, made from CelebA-HQ or FFHQ by `python -m bench.data prepare --suite
face8x-hr SOURCE DIR`. Run time: seconds per image and system for interpolation; no weights are
shipped, so give `--checkpoint sr3=FILE --checkpoint regression=FILE`.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="faces 64x64 to 512x512",
    version=1,
    scale=8,
    size=(512, 512),
    systems=("bicubic", "regression", "sr3"),
    metrics=(
        "psnr",
        "ssim",
        "consistency",
        "lpips",
        "fid_paired",
        "fd_efficientnet_lite0",
        "seconds_per_image",
    ),
    dataset="CelebA-HQ",
    paper_table=None,
    prepare="faces",
    faces=True,
    weights="face8x-hr",
)
