"""Top-1 error of EfficientNet-Lite0: works offline, is not the paper's ResNet-50."""

from bench.metrics.kinds import classification
from bench.metrics.protocol import Metric

METRIC = Metric(
    title="Error (EffNet-Lite0)",
    latex="Error (EffNet-Lite0)",
    unit="",
    direction="lower",
    decimals=3,
    version=1,
    source="EfficientNet-Lite0 top-1, centre crop 224",
    per_feature=classification.top(1),
    extractor="efficientnet_lite0",
    interval=classification.error_rate,
    pair=classification.compare,
    faces=False,
    classes=True,
)
