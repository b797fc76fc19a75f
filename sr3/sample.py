"""Super-resolve or restore pictures: `python -m sr3.sample IN OUT`.

IN is a picture or a folder of pictures of any size, colour or gray, 8- or 16-bit, with or without
alpha; no ground truth is needed. OUT is a folder, or a file name ending in .png when IN is one
picture. Several processes share a folder's work under `torchrun -m sr3.sample IN OUT`; a run that
was interrupted goes on with the same command.
"""

import argparse
from pathlib import Path

from sr3.base.commands import Parser, program, share_cores
from sr3.base.errors import run_command


def parse(argv: list[str] | None) -> argparse.Namespace:
    from sr3.diffusion import samplers
    from sr3.networks.checkpoint import DEFAULT_WEIGHTS
    from sr3.networks.precision import CHOICES

    parser = Parser(prog=program("sr3.sample"), description=__doc__)
    add = parser.add_argument
    add("input", type=Path, metavar="IN", help="a picture or a folder of pictures")
    add("output", type=Path, metavar="OUT", help="folder for the results")
    add(
        "--weights", default=DEFAULT_WEIGHTS,
        help="shipped name, file, or a public SR3 .pth (default: %(default)s)",
    )  # fmt: skip
    add("--config", type=Path, help="the JSON of a public SR3 .pth (default: what lies beside it)")
    add(
        "--then", action="append", default=[], metavar="WEIGHTS[@STEPS]",
        help="upscale the result again with this model; may be repeated",
    )  # fmt: skip
    add("--sampler", choices=list(samplers.INFO), help="default: the model's")
    add("--steps", type=int, help="refinement steps (default: the model's)")
    add("--schedule", metavar="TEXT|FILE",
        help="training, SHAPE:STEPS[:NUMBER...] or a file of sr3.search "
        "(default: the model's)")  # fmt: skip
    add("--eta", type=float, help="fresh noise, 0 to 1 (default: as the sampler; ddim, dpmpp-2m)")
    add("--temperature", type=float, help="deviation of the noise, 0 to 2 (default: the model's)")
    add("--spread", type=float, help="0 the mean, 1 the sample (default: the model's)")
    add("--start", metavar="WEIGHTS[@LOG_SNR]|noise",
        help="regression weights whose picture sampling starts at, in place of the steps noisier "
        "than LOG_SNR; noise: there, as in the paper (default: the model's)")  # fmt: skip
    add("--degradation", metavar="TEXT",
        help="what the input went through, where it is known more exactly than the weights say, "
        "such as gaussian_blur:sigma=2 (default: the model's)")  # fmt: skip
    add("--mask", type=Path, metavar="FILE|FOLDER",
        help="white where something is to be filled in, of the input's size "
        "(default: what is transparent)")  # fmt: skip
    add("--consistent", action="store_true", help="agree exactly with the input; off in the paper")
    add("--num-samples", type=int, default=1, metavar="K", help="samples of each picture")
    add("--mean", action="store_true", help="also write the mean of the samples (best PSNR)")
    add("--compare", action="store_true", help="also write a sheet: input, bicubic, samples")
    add("--seed", type=int, default=0, help="of the noise, per picture")
    add("--tile", type=int, help="side of a window in output pixels (default: as trained)")
    add("--overlap", type=int, help="pixels that windows share (default: a quarter)")
    add("--batch-size", type=int, default=8, help="pictures, or windows of one, at once")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    add("--precision", choices=CHOICES, default="auto", help="auto: bf16 where the device has it")
    add("--compile", action="store_true", help="compile the network first (pays on a GPU)")
    add("--skip-bad", action="store_true", help="report damaged pictures and go on")
    add("--overwrite", action="store_true", help="make everything again")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    share_cores()
    args = parse(argv)
    from sr3.sampling.run import Run, sample

    print(sample(Run(**vars(args))))
    return 0


if __name__ == "__main__":
    run_command(main)
