"""Faces with strokes missing that are to be filled in.

    python -m bench.run --suite inpaint [--data DIR]

No table of the paper. Each picture's strokes follow from its content, so every system and every
machine gets the same holes; systems get the mask as a fourth channel. Run time on 2 CPU cores with
the embedded 100 rendered faces: about a minute. `--systems telea` needs OpenCV. Learned systems
come by `--checkpoint sr3=FILE`.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="missing strokes in faces of 128x128",
    version=1,
    scale=1,
    size=(128, 128),
    systems=("input", "biharmonic"),
    metrics=("psnr", "ssim", "consistency", "seconds_per_image"),
    dataset="faces",
    paper_table=None,
    prepare="faces",
    embedded="faces-rendered",
    faces=True,
    weights="faces-inpaint",
    degradation="free_form_mask",
)
