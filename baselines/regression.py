"""The regression twin: SR3's network in one step, trained on MSE (paper, Section 4)."""

from baselines.protocol import SystemOptions
from baselines.shared.trained import Trained, trained

SOURCE = "the regression baseline of Saharia et al. 2023, this implementation"


def load(options: SystemOptions) -> Trained:
    """The system; UnavailableError without weights."""
    return trained("regression", SOURCE, options)
