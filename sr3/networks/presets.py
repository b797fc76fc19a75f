"""Model sizes by name: the paper's Table 1, the generators of its cascades, small ones for a CPU.

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
    # 5.1M, 10 MB in half precision; restoration of 128x128 faces, scores in docs/restoration.md
    "small-faces-128": UNetConfig(128, 64, (1, 2, 2), 1, patch=4),
    # 4.9M, 10 MB; restoration of photographs in 128x128 crops, not trained yet
    "small-photos-128": UNetConfig(128, 64, (1, 2, 2), 1, (), patch=4),
    # 123M; unconditional DDPM for the paper's face cascade, size not published, not trained here
    "paper-gen-64-faces": UNetConfig(
        64, 128, (1, 2, 3, 4), 3, (16, 8), dropout=0.1, condition_channels=0
    ),
    # 278M (Improved DDPM's class-conditional network: 270M), not trained here
    "paper-gen-64-imagenet": UNetConfig(
        64, 192, (1, 2, 3, 4), 3, (16, 8), condition_channels=0, classes=1000, learn_variance=True
    ),
    # 4.6M; generators of 16x16 faces for a CPU, scores in docs/models.md
    "small-gen-16": UNetConfig(16, 48, (1, 2, 3), 1, (8, 4), dropout=0.1, condition_channels=0),
    # 4.4M; a stage of the small ablation, scores in docs/reproduce.md
    "small-16-64": UNetConfig(64, 48, (1, 2, 3), 1, (8,), dropout=0.1, patch=4),
    # 0.1M; for tests and tries, no score
    "tiny": UNetConfig(32, 16, (1, 2), 1, (16,), head_channels=16),
    # 0.1M; a generator for tests and tries, no score
    "tiny-gen": UNetConfig(8, 16, (1, 2), 1, (4,), head_channels=16, condition_channels=0),
}
