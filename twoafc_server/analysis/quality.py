"""What the data are made of: exclusions by reason, timing, flags, response times."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# One display frame at 60 Hz, the slowest common refresh rate.
FRAME_MS = 1000 / 60


@dataclass(frozen=True)
class Exclusion:
    """One reason and what it took out."""

    reason: str
    participants: int
    trials: int


@dataclass(frozen=True)
class Timing:
    """Exposure and response times of the kept test trials; None where nothing was recorded.

    Attributes:
        measured: trials with a measured exposure.
        within_frame: share of them within one 60 Hz frame of the requested time.
        median_error_ms, worst_error_ms: |measured - requested|, median and 99th percentile.
        dropped_frames, hidden: shares of trials with any dropped frame, or any hidden time.
        response_ms: 5th, 50th and 95th percentile of the response time.
    """

    measured: int
    within_frame: float | None
    median_error_ms: float | None
    worst_error_ms: float | None
    dropped_frames: float | None
    hidden: float | None
    response_ms: tuple[float, float, float] | None


@dataclass(frozen=True)
class Quality:
    """Counts that a reader needs before believing a rate."""

    participants: int
    kept_participants: int
    test_trials: int
    kept_trials: int
    practice_trials: int
    catch_trials: int
    exclusions: tuple[Exclusion, ...]
    flags: dict[str, int]
    timing: Timing


def quality(frame: pd.DataFrame) -> Quality:
    """Summarise all rows of a study, or of one task."""
    test = frame[frame["phase"] == "test"]
    kept = test[~test["excluded"]]
    return Quality(
        participants=int(test["participant"].nunique()),
        kept_participants=int(kept["participant"].nunique()),
        test_trials=len(test),
        kept_trials=len(kept),
        practice_trials=int((frame["phase"] == "practice").sum()),
        catch_trials=int((frame["phase"] == "catch").sum()),
        exclusions=exclusions(test),
        flags=flag_counts(kept),
        timing=timing(kept),
    )


def exclusions(test: pd.DataFrame) -> tuple[Exclusion, ...]:
    """Excluded test trials by reason, most first."""
    out = test[test["excluded"]]
    reasons = out["exclusion_reason"].replace("", "no reason given")
    found = [
        Exclusion(str(reason), int(part["participant"].nunique()), len(part))
        for reason, part in out.groupby(reasons)
    ]
    return tuple(sorted(found, key=lambda exclusion: (-exclusion.trials, exclusion.reason)))


def flag_counts(rows: pd.DataFrame) -> dict[str, int]:
    """Trials that carry each flag; a trial can carry several."""
    flags = rows["flags"].str.split(";").explode().str.strip()
    counts = flags[flags.notna() & (flags != "")].value_counts()
    return {str(flag): int(count) for flag, count in counts.sort_index().items()}


def timing(rows: pd.DataFrame) -> Timing:
    """Exposure accuracy and response times of `rows`."""
    measured = rows.dropna(subset=["exposure_ms_requested", "exposure_ms_measured"])
    error = (measured["exposure_ms_measured"] - measured["exposure_ms_requested"]).abs()
    some = len(measured) > 0
    return Timing(
        measured=len(measured),
        within_frame=float((error <= FRAME_MS).mean()) if some else None,
        median_error_ms=float(error.median()) if some else None,
        worst_error_ms=float(error.quantile(0.99)) if some else None,
        dropped_frames=_share(rows["frames_dropped"]),
        hidden=_share(rows["hidden_ms"]),
        response_ms=_percentiles(rows["rt_ms"]),
    )


def _share(values: pd.Series) -> float | None:
    known = values.dropna()
    return float((known > 0).mean()) if len(known) else None


def _percentiles(values: pd.Series) -> tuple[float, float, float] | None:
    known = values.dropna().to_numpy(dtype=float)
    if not known.size:
        return None
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)
