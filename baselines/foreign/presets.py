"""Systems that others publish: what to cite for a folder of their outputs or a checkpoint.

Licences are stated where they were read in the authors' repository; elsewhere the page to look at
is named. Nothing of these systems is shipped or downloaded.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A published system: `paper_row` is its name in the paper's tables, if it has one."""

    title: str
    citation: str
    home: str
    licence: str
    paper_row: str | None = None


SEE_HOME = "not stated here: see the home page"
PRESETS = {
    "esrgan": Preset(
        "ESRGAN", "Wang et al., ESRGAN, ECCV Workshops 2018",
        "https://github.com/xinntao/ESRGAN", "Apache-2.0",
    ),
    "srflow": Preset(
        "SRFlow", "Lugmayr et al., SRFlow, ECCV 2020",
        "https://github.com/andreas128/SRFlow", SEE_HOME,
    ),
    "pulse": Preset(
        "PULSE", "Menon et al., PULSE, CVPR 2020",
        "https://github.com/adamian98/pulse", SEE_HOME, "PULSE",
    ),
    "fsrgan": Preset(
        "FSRGAN", "Chen et al., FSRNet: End-to-End Learning Face Super-Resolution, CVPR 2018",
        "https://github.com/tyshiwo/FSRNet", SEE_HOME, "FSRGAN",
    ),
    "enhancenet": Preset(
        "EnhanceNet", "Sajjadi et al., EnhanceNet, ICCV 2017",
        "https://github.com/msmsajjadi/EnhanceNet-Code", SEE_HOME, "ENet-E",
    ),
    "rcan": Preset(
        "RCAN", "Zhang et al., Image Super-Resolution Using Very Deep Residual Channel Attention "
        "Networks, ECCV 2018",
        "https://github.com/yulunzhang/RCAN", SEE_HOME, "RCAN",
    ),
    "drcn": Preset(
        "DRCN", "Kim et al., Deeply-Recursive Convolutional Network for Image Super-Resolution, "
        "CVPR 2016", "https://cv.snu.ac.kr/research/DRCN/", SEE_HOME, "DRCN",
    ),
    "fsrcnn": Preset(
        "FSRCNN", "Dong et al., Accelerating the Super-Resolution Convolutional Neural Network, "
        "ECCV 2016", "http://mmlab.ie.cuhk.edu.hk/projects/FSRCNN.html", SEE_HOME, "FSRCNN",
    ),
    "psyco": Preset(
        "PsyCo", "Perez-Pellitero et al., PSyCo: Manifold Span Reduction for Super Resolution, "
        "CVPR 2016", "the authors' page", SEE_HOME, "PsyCo",
    ),
    "realesrgan": Preset(
        "Real-ESRGAN", "Wang et al., Real-ESRGAN, ICCV Workshops 2021",
        "https://github.com/xinntao/Real-ESRGAN", "BSD-3-Clause",
    ),
    "swinir": Preset(
        "SwinIR", "Liang et al., SwinIR, ICCV Workshops 2021",
        "https://github.com/JingyunLiang/SwinIR", SEE_HOME,
    ),
    "vqvae2": Preset(
        "VQ-VAE-2", "Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2, "
        "NeurIPS 2019", "https://arxiv.org/abs/1906.00446", SEE_HOME, "VQ-VAE-2",
    ),
    "biggan10": Preset(
        "BigGAN, truncation 1.0", "Brock et al., Large Scale GAN Training for High Fidelity "
        "Natural Image Synthesis, ICLR 2019", "https://arxiv.org/abs/1809.11096", SEE_HOME,
        "BigGAN (truncation 1.0)",
    ),
    "biggan15": Preset(
        "BigGAN, truncation 1.5", "Brock et al., Large Scale GAN Training for High Fidelity "
        "Natural Image Synthesis, ICLR 2019", "https://arxiv.org/abs/1809.11096", SEE_HOME,
        "BigGAN (truncation 1.5)",
    ),
}  # fmt: skip


def preset_of(name: str) -> Preset | None:
    """The preset for a row's name, whatever its case and punctuation: `ESRGAN`, `real-esrgan`."""
    key = "".join(character for character in name.lower() if character.isalnum())
    return PRESETS.get(key)
