"""Top-1 error of EfficientNet-Lite0: works offline, is not the paper's ResNet-50."""

from bench import classify
from bench.metric import Metric

METRIC = Metric(
    title="Error (EffNet-Lite0)",
    latex="Error (EffNet-Lite0)",
    unit="",
    direction="lower",
    decimals=3,
    version=1,
    source="EfficientNet-Lite0 top-1, centre crop 224",
    per_feature=classify.top(1),
    extractor="efficientnet_lite0",
    interval=classify.error_rate,
    pair=classify.compare,
    faces=False,
    classes=True,
)
