"""Faces blurred by a Gaussian of two pixels: deblurring with the blur known.

    python -m bench.run --suite deblur [--data DIR]

No table of the paper. The blur is `gaussian_blur:sigma=2`, rounded to 8 bits; systems are given the
blurred picture in full size. Run time on 2 CPU cores with the embedded 100 rendered faces: about
a minute. Learned systems come by `--checkpoint sr3=FILE`.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="faces of 128x128 after a Gaussian blur",
    version=1,
    scale=1,
    size=(128, 128),
    systems=("input", "unsharp_mask", "wiener"),
    metrics=("psnr", "ssim", "consistency", "seconds_per_image"),
    dataset="faces",
    paper_table=None,
    prepare="faces",
    embedded="faces-rendered",
    faces=True,
    degradation="gaussian_blur:sigma=2",
)
