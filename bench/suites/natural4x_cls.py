"""Classification of 4x outputs, 56x56 -> 224x224: Table 4 of the paper (ResNet-50 error).

    python -m bench.run --suite natural4x-cls --data DIR

Needs HR images of 224x224 whose names begin with a WordNet id (`python -m bench.data prepare
--suite natural4x-cls SOURCE DIR --limit 1000` for the paper's first 1000 validation images). As in
the paper, the learned models see LR enlarged bicubically from 56 to 64 and their 256x256 output is
resized to 224 before it is classified. Run time on 2 CPU cores for 200 images: about a minute per
system, and seconds per image for sr3.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="classification of 56x56 to 224x224",
    version=1,
    scale=4,
    size=(224, 224),
    systems=("bicubic", "regression", "sr3"),
    metrics=("top1_error", "top5_error", "error_efficientnet_lite0", "psnr", "consistency"),
    dataset="ImageNet validation, first 1000 images",
    paper_table="table4",
    prepare="natural",
    labels="wordnet",
    model_lr={"sr3": 64, "regression": 64},
    weights="natural4x",
)
