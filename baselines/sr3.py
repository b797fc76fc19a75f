"""SR3 itself: iterative refinement with the shipped weights or a checkpoint by `sr3.train`."""

from baselines.protocol import SystemOptions
from baselines.shared.trained import Trained, trained

SOURCE = "Saharia et al. 2023, this implementation"


def load(options: SystemOptions) -> Trained:
    """The system; UnavailableError without weights."""
    return trained("sr3", SOURCE, options)
