"""Pictures four times larger after blur, resizing, noise and JPEG, twice: real-world conditions.

    python -m bench.run --suite real4x [--data DIR]

No table of the paper. The degradation is that of Real-ESRGAN's training (`second_order`), each
picture's following from its content; its chance leaves no consistency to measure. Pictures of any
size of 128 pixels and more. The row to beat is Real-ESRGAN's own: `--system realesrgan=FILE.pth`
with its weights, or a folder of its outputs. `sr3` is the shipped model, others come by
`--checkpoint sr3=FILE`. Run time on 2 CPU cores with the embedded 100 rendered faces: a minute.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="4 times larger after mixed random degradation",
    version=1,
    scale=4,
    size=None,
    systems=("input", "bicubic", "sr3"),
    metrics=("psnr", "ssim", "lpips", "seconds_per_image"),
    dataset="photographs, or the embedded faces",
    paper_table=None,
    prepare=None,
    embedded="faces-rendered",
    weights="real4x",
    degradation="second_order",
)
