"""The classic test sets, each enlarged 2, 3 and 4 times: set5-x2, set5-x3, ..., div2k-valid-x4.

    python -m bench.run --suite set5-x4 --data HR [--lr LR]

No table of the paper. Pictures of any size are cut at the right and below to a multiple of the
factor, LR is MATLAB's bicubic (made here, or given with --lr and recognised), and PSNR and SSIM are
of Y without a border of the factor's width, as in the papers of these sets. Run time on 2 CPU cores
for the bicubic row: seconds for set5, minutes for div2k-valid; sr3 takes a minute per megapixel.
"""

from bench.suites.protocol import Suite

SCALES = (2, 3, 4)
METRICS = ("psnr_y", "ssim_y", "psnr", "ssim", "lpips", "consistency", "seconds_per_image")
SYSTEMS = {4: ("bicubic", "regression", "sr3")}  # weights of ours enlarge photographs 4 times
USUAL = "with LR in the benchmark archives of EDSR (cv.snu.ac.kr/research/EDSR/benchmark.tar)"
SELFEX = "with LR in github.com/jbhuang0604/SelfExSR"
# name: (what it is, its paper, where to get it)
SETS = {
    "set5": ("5 photographs", "Bevilacqua et al., BMVC 2012", f"{SELFEX}, or {USUAL}"),
    "set14": ("14 photographs, one or more gray", "Zeyde et al., 2010", f"{SELFEX}, or {USUAL}"),
    "bsd100": (
        "100 photographs, the test images of BSDS300", "Martin et al., ICCV 2001",
        f"{SELFEX}, or {USUAL} as B100",
    ),
    "urban100": (
        "100 photographs of buildings", "Huang et al., CVPR 2015", f"{SELFEX}, or {USUAL}"
    ),
    "manga109": (
        "109 drawings of manga volumes", "Matsui et al., 2017", "on request at www.manga109.org"
    ),
    "div2k-valid": (
        "100 photographs of 2K pixels, 0801 to 0900", "Agustsson and Timofte, CVPRW 2017",
        "data.vision.ee.ethz.ch/cvl/DIV2K, with LR as DIV2K_valid_LR_bicubic",
    ),
}  # fmt: skip


def suite(name: str, scale: int) -> Suite:
    """One set at one factor."""
    what, paper, where = SETS[name]
    return Suite(
        title=f"{what}, {scale} times",
        version=1,
        scale=scale,
        size=None,
        systems=SYSTEMS.get(scale, ("bicubic",)),
        metrics=METRICS,
        dataset=f"{name} ({paper})",
        paper_table=None,
        prepare=None,
        weights="natural4x" if scale == 4 else None,
        operator="matlab-bicubic",
        source=f"get it {where}; HR pictures in one folder, LR in another under the same names "
        f"(or with one addition, such as babyx{scale})",
    )


SUITES = {f"{name}-x{scale}": suite(name, scale) for name in SETS for scale in SCALES}
