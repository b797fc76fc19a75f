"""Make training shards: `python -m sr3.shard SOURCE --out FOLDER --side SIDE`.

SOURCE is a folder of pictures (with subfolders), of tars or of Parquet files. Each picture is
turned upright, converted to RGB, cut to its largest centre square and reduced by area to SIDE, as
the paper does for ImageNet; smaller ones are left out. The result is WebDataset's layout:
uncompressed tars of `<key>.png` or `.jpg`, each with an index beside it, and a manifest.json with
counts and SHA-256. The same command goes on where it stopped and makes the same bytes; `--verify`
checks the checksums.
"""

import argparse
from pathlib import Path

from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog=program("sr3.shard"), description=__doc__)
    parser.add_argument("source", type=Path, nargs="?", help="folder, tar shards or Parquet files")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for the shards")
    parser.add_argument("--side", type=int, help="of the square pictures; needed unless --verify")
    parser.add_argument(
        "--per-shard", type=int, default=1000, metavar="N", help="pictures in a tar"
    )
    parser.add_argument("--format", choices=("png", "jpeg"), default="png", help="of the pictures")
    parser.add_argument("--quality", type=int, default=95, help="of JPEG")
    parser.add_argument("--workers", type=int, default=1, help="processes that decode")
    parser.add_argument("--skip-bad", action="store_true", help="leave out unusable pictures")
    parser.add_argument("--verify", action="store_true", help="only check an existing --out")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from sr3.data import shards

    if args.verify:
        print(f"{shards.verify(args.out)} shards agree with {shards.MANIFEST}")
        return 0
    if args.source is None or not args.side or args.side < 1 or args.per_shard < 1:
        raise InputError("found no SOURCE or no --side, wanted both: see --help")
    settings = shards.Settings(args.side, args.per_shard, args.format, args.quality)
    done = shards.make(args.source, args.out, settings, args.workers, args.skip_bad)
    print(shards.summary(done))
    if not any(shard.pictures for shard in done):
        raise InputError(f"found no picture of at least {args.side} pixels in {args.source}")
    return 0


if __name__ == "__main__":
    run_command(main)
