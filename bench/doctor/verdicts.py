"""From facts about pictures to findings: copies, mix-ups, colour, tone, displacement."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.doctor.facts import CHANNELS, FLIPS, KERNELS, Facts
from bench.doctor.report import Finding, Severity
from bench.doctor.tone import Tone, fit_tone

COPY_DB = 45.0  # above it an output is that interpolation up to rounding
HR_COPY_DB = 50.0
CLEARER = 0.5  # an explanation must at least halve the error
LEAST_MSE = 2e-5  # LR errors below it need no explanation (47 dB)
SHIFT_WARNING, SHIFT_ERROR = 0.1, 0.3  # HR pixels, for the whole set
SHIFT_ALONE = 0.75  # HR pixels, for one picture against the others
SIGMAS = 4.0  # of the median, that a set's displacement must exceed
TONE_WARNING, TONE_ERROR = 0.02, 0.06  # on [0, 1], largest departure over the middle tones
TONE_ALONE = 0.05
BLOCKS = {"below 8": 0.15, "8 and up": 0.3}  # by scale: LR's own grid coincides with 8x8 blocks
UNRELATED_MSE = 0.02  # LR-PSNR of 17 dB
MATCH_BLOCK = 512  # rows of the distance matrix held at once

Names = Sequence[str]
Mask = NDArray[np.bool_]


def judge(facts: Facts, stems: Names, scale: int) -> tuple[Finding, ...]:
    """All verdicts on pictures; rows of `facts` are `stems`."""
    pairing = check_mispaired(facts, stems)
    flips = check_flips(facts, stems)
    channels = check_channels(facts, stems)
    taken = set(pairing.offenders + flips.offenders + channels.offenders)
    alone = np.array([stem not in taken for stem in stems])
    return (
        pairing,
        flips,
        channels,
        check_copies(facts, stems),
        check_twins(facts, stems),
        check_content(facts, stems),
        check_tone(facts, stems, alone),
        check_shift(facts, stems, alone),
        check_zoom(facts, stems, alone),
        check_blocks(facts, stems, scale),
        check_match(facts, stems, alone),
    )


def check_copies(facts: Facts, stems: Names) -> Finding:
    """No output is HR itself or an interpolation of LR: signs of a mixed-up folder."""
    flat = facts.hr_to_kernels.max(axis=1) > COPY_DB
    of_hr = (facts.to_hr > HR_COPY_DB) & (~flat | np.isinf(facts.to_hr))
    of_lr = (facts.to_kernels.max(axis=1) > COPY_DB) & ~flat & ~of_hr
    if not (of_hr.any() or of_lr.any()):
        return Finding("copies", "ok", "no copy of HR or of an interpolated LR")
    parts = [f"{of_hr.sum()} of the HR images"] if of_hr.any() else []
    kernels = facts.to_kernels[of_lr].argmax(axis=1)
    parts += [f"{(kernels == k).sum()} of {KERNELS[k]} upsampling" for k in np.unique(kernels)]
    message = f"found copies: {', '.join(parts)}: wanted the system's own outputs"
    return Finding("copies", "error", message, _pick(stems, of_hr | of_lr))


def check_twins(facts: Facts, stems: Names) -> Finding:
    """No two stems have the same pixels."""
    _, first, counts = np.unique(facts.digests, return_inverse=True, return_counts=True)
    twins = counts[first] > 1
    if not twins.any():
        return Finding("twins", "ok", "all outputs differ")
    message = f"found {twins.sum()} outputs that share their pixels with another stem"
    return Finding("twins", "error", message, _pick(stems, twins))


def check_mispaired(facts: Facts, stems: Names) -> Finding:
    """Each output looks most like its own LR: a swap or an order off by one shows here.

    Thumbnails are compared by correlation, which no change of tone can fool; an inverted picture
    still counts as its own.
    """
    thumbs, lr_thumbs = _standardised(facts.thumbs), _standardised(facts.lr_thumbs)
    own = 1 - np.abs((thumbs * lr_thumbs).sum(axis=1))
    nearest, similarity = _nearest_other(thumbs, lr_thumbs)
    wrong = (1 - similarity < CLEARER * own) & (facts.lr_mse > LEAST_MSE)
    if not wrong.any():
        return Finding("mispaired", "ok", "every output is nearest to its own LR")
    offsets = (nearest - np.arange(len(stems)))[wrong]
    steady = len(offsets) > 2 and (offsets == np.median(offsets)).mean() > 0.8
    how = f"; most are {int(np.median(offsets)):+d} in the order of names" if steady else ""
    example = int(np.flatnonzero(wrong)[0])
    message = (
        f"found {wrong.sum()} outputs that belong to another image, such as {stems[example]} "
        f"to {stems[int(nearest[example])]}{how}"
    )
    return Finding("mispaired", "error", message, _pick(stems, wrong))


def check_flips(facts: Facts, stems: Names) -> Finding:
    """No output is mirrored or turned."""
    return _explained("flips", facts.flips, FLIPS, facts, stems, "mirrored or turned outputs")


def check_channels(facts: Facts, stems: Names) -> Finding:
    """No output has its channels in another order."""
    return _explained(
        "channels", facts.channels, CHANNELS, facts, stems, "outputs with channels out of order"
    )


def check_content(facts: Facts, stems: Names) -> Finding:
    """No output is blank or has lost its colour."""
    contrast, chroma = facts.contrast, facts.chroma
    blank = (contrast[:, 0] < 0.1 * contrast[:, 1]) & (contrast[:, 1] > 0.02)
    gray = (chroma[:, 0] < 0.1 * chroma[:, 1]) & (chroma[:, 1] > 0.01) & ~blank
    if not (blank.any() or gray.any()):
        return Finding("content", "ok", "neither blank nor gray outputs")
    parts = [
        f"{mask.sum()} {what}" for mask, what in ((blank, "blank"), (gray, "gray")) if mask.any()
    ]
    message = f"found {' and '.join(parts)} outputs where HR has contrast and colour"
    return Finding("content", "error", message, _pick(stems, blank | gray))


def check_tone(facts: Facts, stems: Names, alone: Mask) -> Finding:
    """In the LR domain levels stay as they are: no gain, offset, colour cast or gamma."""
    tone = fit_tone(facts.tones.sum(axis=0))
    departure = facts.difference - np.median(facts.difference, axis=0)
    spread = 1.4826 * np.median(np.abs(departure), axis=0)
    odd = (np.abs(departure) > np.maximum(TONE_ALONE, 8 * spread)).any(axis=1) & alone
    worst = np.argsort(-np.abs(facts.difference).max(axis=1))
    numbers = tone.numbers()
    severity: Severity = "error" if _is_sure(tone) else "warning"
    if odd.any() and severity == "warning":
        message = f"found {odd.sum()} outputs brighter, darker or of another hue than the others"
        return Finding("tone", "error", message, _pick(stems, odd), numbers)
    if tone.departure > TONE_WARNING + SIGMAS * tone.error and alone.mean() > 0.5:
        message = f"found {tone.in_words()}, up to {tone.departure * 255:.1f} levels off LR"
        return Finding("tone", severity, message, tuple(stems[int(i)] for i in worst[:8]), numbers)
    return Finding("tone", "ok", f"within {tone.departure * 255:.1f} levels of LR", numbers=numbers)


def check_shift(facts: Facts, stems: Names, alone: Mask) -> Finding:
    """Outputs lie where LR says: neither all nor some are displaced."""
    shift = facts.shift[alone] if alone.any() else facts.shift
    median, error = _median_and_error(shift)
    numbers = {"right": float(median[0]), "down": float(median[1])}
    size = np.abs(median)
    sure = size > SIGMAS * error
    text = f"{median[0]:+.2f} px right, {median[1]:+.2f} px down"
    if (sure & (size > SHIFT_ERROR)).any():
        message = f"found all outputs displaced by {text}: half-pixel centres or a shifted crop?"
        return Finding("shift", "error", message, tuple(stems[:8]), numbers)
    away = np.abs(facts.shift - median).max(axis=1)
    spread = 1.4826 * np.median(np.abs(shift - median), axis=0).max()
    odd = (away > max(SHIFT_ALONE, 8 * spread)) & alone
    if odd.any():
        message = f"found {odd.sum()} outputs displaced by up to {away[odd].max():.1f} px"
        return Finding("shift", "error", message, _pick(stems, odd), numbers)
    if (sure & (size > SHIFT_WARNING)).any():
        message = f"found all outputs displaced by {text}"
        return Finding("shift", "warning", message, tuple(stems[:8]), numbers)
    return Finding("shift", "ok", text, numbers=numbers)


def check_zoom(facts: Facts, stems: Names, alone: Mask) -> Finding:
    """Outputs have LR's scale: no cropped border, no corners aligned instead of centres."""
    median, error = _median_and_error(facts.zoom[alone] if alone.any() else facts.zoom)
    numbers = {"right_edge": float(median[0]), "lower_edge": float(median[1])}
    sure = np.abs(median) > SIGMAS * error
    text = f"{median[0]:+.2f} px at the right edge, {median[1]:+.2f} px at the lower"
    if (sure & (np.abs(median) > SHIFT_ERROR)).any():
        message = f"found a wrong scale, {text}: a cropped border or aligned corners?"
        return Finding("zoom", "error", message, tuple(stems[:8]), numbers)
    return Finding("zoom", "ok", text, numbers=numbers)


def check_blocks(facts: Facts, stems: Names, scale: int) -> Finding:
    """No 8x8 grid: JPEG in a picture's past outlives its being saved as PNG."""
    median, error = _median_and_error(facts.blocks[:, None])
    limit = BLOCKS["8 and up" if scale >= 8 else "below 8"]
    numbers = {"log_ratio": float(median[0])}
    if median[0] > limit and median[0] > SIGMAS * error[0]:
        message = (
            f"found steps {np.expm1(median[0]):.0%} larger across 8x8 block borders: JPEG in the "
            "outputs' past, or a grid left by the network"
        )
        worst = np.argsort(-facts.blocks)[:8]
        return Finding("blocks", "warning", message, tuple(stems[int(i)] for i in worst), numbers)
    return Finding("blocks", "ok", "no 8x8 grid", numbers=numbers)


def check_match(facts: Facts, stems: Names, alone: Mask) -> Finding:
    """Outputs come down to about their LR; else they are of other images or another protocol."""
    far = (facts.lr_mse > UNRELATED_MSE) & alone
    mean = float(facts.lr_mse.mean())
    numbers = {"consistency": mean}
    if far.any():
        message = f"found {far.sum()} outputs that do not resemble their LR (LR-PSNR under 17 dB)"
        return Finding("match", "error", message, _pick(stems, far), numbers)
    return Finding("match", "ok", f"consistency {mean * 1e5:.1f} x1e-5", numbers=numbers)


def _explained(
    check: str,
    errors: NDArray[np.float64],
    names: Sequence[str],
    facts: Facts,
    stems: Names,
    what: str,
) -> Finding:
    """Pictures whose LR error falls to half under one of the transforms other than the first."""
    best = errors.argmin(axis=1)
    wrong = (errors.min(axis=1) < CLEARER * facts.lr_mse) & (facts.lr_mse > LEAST_MSE)
    if not wrong.any():
        return Finding(check, "ok", f"no {what}")
    kinds, counts = np.unique(best[wrong], return_counts=True)
    found = ", ".join(f"{count} {names[kind]}" for kind, count in zip(kinds, counts, strict=True))
    return Finding(check, "error", f"found {what}: {found}", _pick(stems, wrong))


def _standardised(thumbs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of mean 0 and length 1; the product of two is their correlation."""
    centred = thumbs - thumbs.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9))


def _nearest_other(
    thumbs: NDArray[np.float64], lr_thumbs: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Index of and correlation with the most similar LR that is not the picture's own."""
    nearest, similarity = [], []
    for start in range(0, len(thumbs), MATCH_BLOCK):
        table = thumbs[start : start + MATCH_BLOCK] @ lr_thumbs.T
        rows = np.arange(len(table))
        table[rows, start + rows] = -1
        nearest.append(table.argmax(axis=1))
        similarity.append(table.max(axis=1))
    return np.concatenate(nearest), np.concatenate(similarity)


def _median_and_error(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median of rows and its standard error from the median absolute deviation."""
    median = np.median(values, axis=0)
    spread = 1.4826 * np.median(np.abs(values - median), axis=0)
    return median, 1.2533 * spread / np.sqrt(len(values))


def _is_sure(tone: Tone) -> bool:
    return tone.explained > 0.8 and (tone.departure > TONE_ERROR or tone.range_mistaken)


def _pick(stems: Names, mask: Mask) -> tuple[str, ...]:
    return tuple(stems[int(i)] for i in np.flatnonzero(mask))
