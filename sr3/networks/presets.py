"""Model sizes by name. The four of the paper's Table 1, and the small ones of the shipped weights.

Each row ends with the weights it has and the score it is expected to reach, or has no score yet.
"""

from sr3.networks.unet import UNetConfig

PRESETS: dict[str, UNetConfig] = {
    # 561M weights (paper 550M); faces 16 -> 128: published PSNR 23.04 dB, not trained here
    "paper-16-128": UNetConfig(128, 128, (1, 2, 4, 8, 8), 3, dropout=0.2),
    # 617M (paper 625M); ImageNet 64 -> 256: published FID 5.2, not trained here
    "paper-64-256": UNetConfig(256, 128, (1, 2, 4, 4, 8, 8), 3),
    # 610M (paper 625M); faces 64 -> 512, no published score
    "paper-64-512": UNetConfig(512, 64, (1, 2, 4, 8, 8, 16, 16), 3),
    # 149M (paper 150M); faces 256 -> 1024, no published score
    "paper-256-1024": UNetConfig(1024, 16, (1, 2, 4, 8, 16, 32, 32, 32), 2),
    # 11.4M; the shipped face8x weights, scores in docs/models.md
    "small-16-128": UNetConfig(128, 96, (1, 2, 2), 1, patch=4),
    # 10.9M; the shipped natural4x weights, trained on 128x128 crops, scores in docs/models.md
    "small-64-256": UNetConfig(128, 96, (1, 2, 2), 1, (), patch=4),
    # 0.1M; for tests and tries, no score
    "tiny": UNetConfig(32, 16, (1, 2), 1, (16,), head_channels=16),
}
