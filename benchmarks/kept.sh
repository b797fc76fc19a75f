#!/bin/sh
# Makes kept runs of results/models again and fills the documents:
#
#     benchmarks/kept.sh DATA [faces-rendered] [portraits128] [imagenet256] [samplers] [displaced]
#
# DATA holds portraits128/test, imagenet256/test and outputs/realesrgan-x4plus, as far as the named
# runs need them; no name means all five. On a machine without bf16 the whole takes some hours on two
# cores; images are kept in results/runs/kept, so the same command goes on where it stopped.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
data=$(cd "$1" && pwd)
shift
runs=$root/results/runs/kept
kept=$root/results/models
python=${PYTHON:-$root/.venv/bin/python}
export PYTHONPATH="$root" OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"
means=psnr,ssim,consistency
FD=fd_efficientnet_lite0

run() { # NAME ARGUMENTS...: the folders in the records are relative to DATA
    out=$runs/$1
    shift
    (cd "$data" && "$python" -m bench.run --precision float32 --out "$out" "$@")
}

samplers() {
    (cd "$data" && "$python" "$root/benchmarks/sample.py" --data portraits128/test \
        --out "$runs/samplers" --precision float32 --threads 1 --plan "dpmpp-2m-sde:1,2,4,8,16
            dpmpp-2m-sde:4,8@0.9/0.8 dpmpp-2m-sde+:8@0.9/0.8 ancestral:8 ddim:4,8 dpmpp-2m:4,8 unipc:8
            heun:4 dpmpp-2m-sde:8@0.9/0.7 dpmpp-2m-sde:8@0.85/0.65 dpmpp-2m-sde:8@0.85/0.5
            dpmpp-2m-sde:8@1/0 ancestral:100")
}

displaced() {
    (cd "$data" && "$python" "$root/benchmarks/displaced.py" portraits128/test --out "$runs/displaced")
}

make() {
    case $1 in
    faces-rendered) run "$1" --suite face8x --metrics "$means,spectrum,$FD" --groups embedded ;;
    portraits128) run "$1" --suite face8x --metrics "$means,$FD" --data portraits128/test ;;
    imagenet256)
        run "$1" --suite natural4x --metrics "$means,$FD,error_efficientnet_lite0" \
            --data imagenet256/test --system realesrgan=outputs/realesrgan-x4plus
        ;;
    samplers) samplers ;;
    displaced) displaced ;;
    *)
        echo "found $1, wanted faces-rendered, portraits128, imagenet256, samplers or displaced" >&2
        exit 2
        ;;
    esac
}

keep() {
    case $1 in
    samplers) cp "$runs/samplers/sample.json" "$kept/portraits128/samplers.json" ;;
    displaced) cp "$runs/displaced/displaced.json" "$kept/portraits128/displaced.json" ;;
    *) "$python" -m bench.tables "$runs/$1" --keep "$kept/$1" ;;
    esac
}

names=${*:-faces-rendered portraits128 imagenet256 samplers displaced}
for name in $names; do make "$name"; done
for name in $names; do keep "$name"; done # last, or the next record would call the code changed
cd "$root"
"$python" -m bench.tables --markdown README.md docs/*.md
