"""Gray faces that are to get colours.

    python -m bench.run --suite colorize [--data DIR]

No table of the paper. The input is the luma of HR as one channel of 8 bits. Many colours are right,
so PSNR says how near to the one that was, and `diversity` how far samples differ. Run time on 2
CPU cores with the embedded 100 rendered faces: about a minute. `sr3` is the shipped model, others
come by `--checkpoint sr3=FILE`.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="colours for gray faces of 128x128",
    version=1,
    scale=1,
    size=(128, 128),
    systems=("input", "sr3"),
    metrics=("psnr", "ssim", "colour_shift", "consistency", "seconds_per_image"),
    dataset="faces",
    paper_table=None,
    prepare="faces",
    embedded="faces-rendered",
    faces=True,
    weights="faces-colorize",
    degradation="grayscale",
)
