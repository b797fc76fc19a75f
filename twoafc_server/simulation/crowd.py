"""Observers with names: the same people see the same images alike, in any process and order."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from twoafc_server.base.errors import InputError
from twoafc_server.simulation.observers import Observers, probability, solve_mu


@dataclass(frozen=True)
class Crowd:
    """A population whose members and images are drawn from `seed` and their names.

    Attributes:
        rates: true fool rate by system, 0..1.
    """

    observers: Observers
    rates: Mapping[str, float]
    seed: int = 0

    def fooled_probability(self, person: str, image: str, system: str, left: bool) -> float:
        """Probability that `person` chooses the output of `system`, shown on the left or not.

        Raises:
            InputError: no true rate was given for the system.
        """
        if system not in self.rates:
            raise InputError(
                f"found system {system!r} in the study, wanted one of {', '.join(self.rates)}: "
                "give its true rate"
            )
        bias = self.observers.side_bias if left else -self.observers.side_bias
        logit = solve_mu(self.rates[system], self.observers) + bias
        logit += self.observers.participant_sd * self._effect("person", person, system)
        logit += self.observers.image_sd * self._effect("image", image, system)
        return float(probability(np.asarray(logit), self.observers.lapse))

    def chooses_model(self, person: str, image: str, system: str, left: bool) -> bool:
        """Whether `person` chooses the output; the same question gets the same answer."""
        chance = self.fooled_probability(person, image, system, left)
        return bool(self.generator("answer", person, image, system).random() < chance)

    def generator(self, *names: str) -> np.random.Generator:
        """A generator that belongs to these names."""
        text = "\x1f".join([str(self.seed), *names])
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()))

    def _effect(self, kind: str, name: str, system: str) -> float:
        shared = self.observers.shared
        common = self.generator(kind, name).standard_normal()
        own = self.generator(kind, name, system).standard_normal()
        return float(np.sqrt(shared) * common + np.sqrt(1 - shared) * own)


@dataclass(frozen=True)
class Fate:
    """What will happen to one person, apart from their answers.

    Attributes:
        leaves_after: answers given before leaving for good, None for those who stay.
        comes_back: whether they try to take part a second time.
    """

    leaves_after: int | None
    comes_back: bool


def fate(crowd: Crowd, person: str, trials: int) -> Fate:
    """Draw the fate of a person in a study of `trials` trials, practice and catch included."""
    rng = crowd.generator("fate", person)
    leaves = rng.random() < crowd.observers.abandonment
    after = int(rng.integers(0, max(trials, 1)))
    return Fate(after if leaves else None, bool(rng.random() < crowd.observers.double_arrival))
