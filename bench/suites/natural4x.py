"""Natural images 64x64 -> 256x256: Table 3 of the paper (ImageNet validation).

    python -m bench.run --suite natural4x --data DIR

Needs HR images of 256x256, made from ImageNet by `python -m bench.data prepare --suite natural4x
SOURCE DIR`; file names that begin with a WordNet id carry their class. Run time on 2 CPU cores for
200 images: about a minute per system for the metrics, and seconds per image for sr3. FID and IS
compare with the paper at N = 50000 only.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="natural images 64x64 to 256x256",
    version=1,
    scale=4,
    size=(256, 256),
    systems=("bicubic", "regression", "sr3"),
    metrics=(
        "psnr",
        "ssim",
        "consistency",
        "lpips",
        "fid_ref",
        "fid_paired",
        "kid",
        "is",
        "fd_efficientnet_lite0",
        "top1_error",
        "error_efficientnet_lite0",
        "seconds_per_image",
    ),
    dataset="ImageNet validation",
    paper_table="table3",
    prepare="natural",
    labels="wordnet",
    weights="natural4x",
)
