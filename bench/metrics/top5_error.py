"""Top-5 error of ResNet-50 on the outputs (paper, Table 4)."""

from bench.metrics.kinds import classification
from bench.metrics.protocol import Metric

METRIC = Metric(
    title="Top-5 error",
    latex="Top-5 error",
    unit="",
    direction="lower",
    decimals=3,
    version=1,
    source="torchvision ResNet-50 IMAGENET1K_V1, normalised, not resized",
    per_feature=classification.top(5),
    extractor="resnet50_v1",
    interval=classification.error_rate,
    pair=classification.compare,
    faces=False,
    classes=True,
)
