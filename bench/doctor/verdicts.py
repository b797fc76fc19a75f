"""From facts about pictures to findings: copies, mix-ups, colour, tone, displacement.

Each picture has at most one cause (`bench.doctor.causes`), and each cause one finding.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.doctor.causes import A_SET, Causes, Mask, assign
from bench.doctor.facts import CHANNELS, FLIPS, KERNELS, Facts, tone_curve
from bench.doctor.report import Finding, Severity
from bench.doctor.tone import Tone, fit_tone

SHIFT_WARNING, SHIFT_ERROR = 0.1, 0.3  # HR pixels, for the whole set
SHIFT_ALONE = 0.75  # HR pixels, for one picture against the others
SIGMAS = 4.0  # of the median, that a set's displacement must exceed
TONE_WARNING, TONE_ERROR = 0.02, 0.06  # on [0, 1], largest departure over the middle tones
TONE_ALONE = 0.05
BLOCKS = {"below 8": 0.15, "8 and up": 0.3}  # by scale: LR's own grid coincides with 8x8 blocks
SINGLE = "single"  # number of pictures, where a finding is not about the whole set
HIDDEN = "what is wrong with the whole set"

Names = Sequence[str]


def judge(
    facts: Facts, stems: Names, scale: int, gray: Mask, lossy: Mask, beside: str = "LR"
) -> tuple[Finding, ...]:
    """All verdicts on pictures; rows of `facts` are `stems`.

    Args:
        gray, lossy: what the checks of files have said already, of the mode and the format.
        beside: what outputs are held against, in words.
    """
    causes = assign(facts)
    on_set = _on_set(facts, stems, causes.alone, beside)
    match = check_match(facts, causes, stems, beside)
    if any(map(_of_set, on_set)) and causes.unrelated.mean() <= A_SET:
        match = replace(match, severity="skipped", message=f"not told from {HIDDEN}")
    return (
        check_mispaired(causes, stems),
        check_flips(facts, causes, stems),
        check_channels(facts, causes, stems),
        check_copies(facts, causes, stems, scale),
        check_twins(causes, stems),
        check_content(replace(causes, gray=causes.gray & ~gray), stems),
        *on_set,
        check_blocks(facts, stems, scale, ~(causes.copies_of_lr | lossy)),
        match,
    )


def _on_set(facts: Facts, stems: Names, alone: Mask, beside: str) -> tuple[Finding, ...]:
    """Tone, shift and zoom of the whole set, where its pictures have no other fault.

    A wrong scale may displace the middle too, and displaced levels average out to less contrast.
    """
    if alone.mean() <= A_SET:
        reason = "most outputs have another fault that hides it"
        return tuple(Finding(check, "skipped", reason) for check in ("tone", "shift", "zoom"))
    tone = check_tone(facts, stems, alone, beside)
    shift, zoom = check_shift(facts, stems, alone), check_zoom(facts, stems, alone)
    if tone.severity == "warning" and (_of_set(shift) or _of_set(zoom)):
        tone = replace(tone, severity="skipped", message=f"not told from {HIDDEN}")
    if shift.severity != "ok" and (_of_set(zoom) or (_of_set(tone) and not _of_set(shift))):
        shift = replace(shift, severity="skipped", message=f"not told from {HIDDEN}")
    return tone, shift, zoom


def _of_set(finding: Finding) -> bool:
    """Whether it is an error of the whole set and not of single pictures."""
    return finding.severity == "error" and SINGLE not in finding.numbers


def check_copies(facts: Facts, causes: Causes, stems: Names, scale: int) -> Finding:
    """No output is HR itself or an interpolation of LR: signs of a mixed-up folder."""
    of_hr, of_lr = causes.copies_of_hr, causes.copies_of_lr
    if not (of_hr.any() or of_lr.any()):
        what = "the input" if scale == 1 else "an interpolated LR"
        return Finding("copies", "ok", f"no copy of HR or of {what}")
    parts = [f"{of_hr.sum()} of the HR images"] if of_hr.any() else []
    kernels = facts.to_kernels[of_lr].argmax(axis=1)
    if scale == 1:
        parts += [f"{of_lr.sum()} of the degraded input"] if of_lr.any() else []
    else:
        parts += [f"{(kernels == k).sum()} of {KERNELS[k]} upsampling" for k in np.unique(kernels)]
    message = f"found copies: {', '.join(parts)}: wanted the system's own outputs"
    return Finding("copies", "error", message, _pick(stems, of_hr | of_lr))


def check_twins(causes: Causes, stems: Names) -> Finding:
    """No two stems have the same pixels."""
    if not causes.twins.any():
        return Finding("twins", "ok", "all outputs differ")
    message = f"found {causes.twins.sum()} outputs that share their pixels with another stem"
    return Finding("twins", "error", message, _pick(stems, causes.twins))


def check_mispaired(causes: Causes, stems: Names) -> Finding:
    """Each output looks most like its own LR: a swap or an order off by one shows here."""
    wrong, nearest = causes.mispaired, causes.nearest
    if not wrong.any():
        return Finding("mispaired", "ok", "every output is nearest to its own image")
    offsets = (nearest - np.arange(len(stems)))[wrong]
    steady = len(offsets) > 2 and (offsets == np.median(offsets)).mean() > 0.8
    how = f"; most are {int(np.median(offsets)):+d} in the order of names" if steady else ""
    example = int(np.flatnonzero(wrong)[0])
    message = (
        f"found {wrong.sum()} outputs that belong to another image, such as {stems[example]} "
        f"to {stems[int(nearest[example])]}{how}"
    )
    return Finding("mispaired", "error", message, _pick(stems, wrong))


def check_flips(facts: Facts, causes: Causes, stems: Names) -> Finding:
    """No output is mirrored or turned."""
    what = "mirrored or turned outputs"
    return _transformed("flips", causes.flips, facts.flips, FLIPS, stems, what)


def check_channels(facts: Facts, causes: Causes, stems: Names) -> Finding:
    """No output has its channels in another order."""
    what = "outputs with channels out of order"
    return _transformed("channels", causes.channels, facts.channels, CHANNELS, stems, what)


def check_content(causes: Causes, stems: Names) -> Finding:
    """No output is blank or has lost its colour."""
    blank, gray = causes.blank, causes.gray
    if not (blank.any() or gray.any()):
        return Finding("content", "ok", "neither blank nor gray outputs")
    parts = [
        f"{mask.sum()} {what}" for mask, what in ((blank, "blank"), (gray, "gray")) if mask.any()
    ]
    message = f"found {' and '.join(parts)} outputs where HR has contrast and colour"
    return Finding("content", "error", message, _pick(stems, blank | gray))


def check_tone(facts: Facts, stems: Names, alone: Mask, beside: str) -> Finding:
    """In the domain of the input levels stay: no gain, offset, colour cast or gamma."""
    tone = fit_tone(tone_curve(facts.tones[alone]))
    departure = facts.difference - np.median(facts.difference[alone], axis=0)
    spread = 1.4826 * np.median(np.abs(departure[alone]), axis=0)
    odd = (np.abs(departure) > np.maximum(TONE_ALONE, 8 * spread)).any(axis=1) & alone
    worst = np.argsort(-np.abs(facts.difference).max(axis=1) * alone)
    numbers = tone.numbers()
    severity: Severity = "error" if _is_sure(tone) else "warning"
    if odd.any() and severity == "warning":
        message = f"found {odd.sum()} outputs brighter, darker or of another hue than the others"
        numbers = {**numbers, SINGLE: int(odd.sum())}
        return Finding("tone", "error", message, _pick(stems, odd), numbers)
    if tone.departure > TONE_WARNING + SIGMAS * tone.error:
        message = f"found {tone.in_words()}, up to {tone.departure * 255:.1f} levels off {beside}"
        return Finding("tone", severity, message, tuple(stems[int(i)] for i in worst[:8]), numbers)
    message = f"within {tone.departure * 255:.1f} levels of {beside}"
    return Finding("tone", "ok", message, numbers=numbers)


def check_shift(facts: Facts, stems: Names, alone: Mask) -> Finding:
    """Outputs lie where LR says: neither all nor some are displaced."""
    shift = facts.shift[alone]
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
        numbers = {**numbers, SINGLE: int(odd.sum())}
        return Finding("shift", "error", message, _pick(stems, odd), numbers)
    if (sure & (size > SHIFT_WARNING)).any():
        message = f"found all outputs displaced by {text}"
        return Finding("shift", "warning", message, tuple(stems[:8]), numbers)
    return Finding("shift", "ok", text, numbers=numbers)


def check_zoom(facts: Facts, stems: Names, alone: Mask) -> Finding:
    """Outputs have LR's scale: no cropped border, no corners aligned instead of centres."""
    median, error = _median_and_error(facts.zoom[alone])
    numbers = {"right_edge": float(median[0]), "lower_edge": float(median[1])}
    sure = np.abs(median) > SIGMAS * error
    text = f"{median[0]:+.2f} px at the right edge, {median[1]:+.2f} px at the lower"
    if (sure & (np.abs(median) > SHIFT_ERROR)).any():
        message = f"found a wrong scale, {text}: a cropped border or aligned corners?"
        return Finding("zoom", "error", message, tuple(stems[:8]), numbers)
    return Finding("zoom", "ok", text, numbers=numbers)


def check_blocks(facts: Facts, stems: Names, scale: int, among: Mask) -> Finding:
    """No 8x8 grid: JPEG in a picture's past outlives its being saved as PNG."""
    if not among.any():
        return Finding("blocks", "skipped", "every output is a copy or of a lossy format")
    median, error = _median_and_error(facts.blocks[among][:, None])
    limit = BLOCKS["8 and up" if scale >= 8 else "below 8"]
    numbers = {"log_ratio": float(median[0])}
    if median[0] > limit and median[0] > SIGMAS * error[0]:
        message = (
            f"found steps {np.expm1(median[0]):.0%} larger across 8x8 block borders: JPEG in the "
            "outputs' past, or a grid left by the network"
        )
        worst = np.argsort(np.where(among, -facts.blocks, np.inf))[: min(8, among.sum())]
        return Finding("blocks", "warning", message, tuple(stems[int(i)] for i in worst), numbers)
    return Finding("blocks", "ok", "no 8x8 grid", numbers=numbers)


def check_match(facts: Facts, causes: Causes, stems: Names, beside: str) -> Finding:
    """Outputs come down to about their input; else they are of other images or protocols."""
    far, mean = causes.unrelated, float(facts.lr_mse.mean())
    numbers = {"consistency": mean}
    if far.any():
        message = f"found {far.sum()} outputs that do not resemble {beside} (PSNR under 17 dB)"
        return Finding("match", "error", message, _pick(stems, far), numbers)
    return Finding("match", "ok", f"consistency {mean * 1e5:.1f} x1e-5", numbers=numbers)


def _transformed(
    check: str,
    wrong: Mask,
    errors: NDArray[np.float64],
    names: Sequence[str],
    stems: Names,
    what: str,
) -> Finding:
    """Pictures that one of the named transforms explains, counted by transform."""
    if not wrong.any():
        return Finding(check, "ok", f"no {what}")
    kinds, counts = np.unique(errors.argmin(axis=1)[wrong], return_counts=True)
    found = ", ".join(f"{count} {names[kind]}" for kind, count in zip(kinds, counts, strict=True))
    return Finding(check, "error", f"found {what}: {found}", _pick(stems, wrong))


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
