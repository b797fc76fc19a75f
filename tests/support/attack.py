"""An attacker who sees all that reaches the browser and wants to know the model's side.

Everything but the pixels themselves is turned into features: addresses, lengths, headers, replies,
page source, the structure of the picture file, and the time that the server took.
"""

import re
import struct
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from person import Person
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from werkzeug.test import TestResponse

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Features = dict[str, Any]


@dataclass
class Observed:
    """One trial as it reached the browser. fixed: those features that must not vary at all."""

    group: int
    token: str
    features: Features
    fixed: Features


class Spy(Person):
    """Takes part like anybody, and keeps what comes over the line."""

    def spy(self, group: int) -> list[Observed]:
        page = self.begin()
        seen = []
        while True:
            reply = self.post("next")
            trial = reply.get_json()
            if trial["state"] == "over":
                return seen
            begun = time.perf_counter()
            picture = self.client.get(trial["image"])
            took = time.perf_counter() - begun
            body = self.answer_body(trial, "left")
            parts = [("next", reply)]
            # Its reply is one constant; a fifth of the people is enough to see that.
            if group % 5 == 0:
                sent = self.post("onset", token=trial["token"], uuid=body["uuid"])
                parts.append(("onset", sent))
            self.clock.wait(trial["exposure_ms"] + 1)
            parts.append(("answer", self.post("answer", **body)))
            features = {"ms": 1000 * took, "page_length": len(page.data)}
            fixed = structure(picture.data)
            for name, part in parts:
                features |= reply_features(name, part) | header_features(name, part)
                fixed |= header_features(name, part) if name != "onset" else {}
            # Lengths follow the number of digits of the trial's position.
            for name in ("next:Content-Length", "answer:Content-Length"):
                features[name] = int(fixed.pop(name))
            fixed |= header_features("picture", picture)
            features |= text_features("url", trial["image"]) | text_features(
                "token", trial["token"]
            )
            seen.append(Observed(group, trial["token"], features | fixed, fixed))


def header_features(name: str, reply: TestResponse) -> Features:
    """Every header but the cookie and the content's length in words, and the status."""
    found = {f"{name}:{key}": value for key, value in reply.headers.items() if key != "Set-Cookie"}
    found[f"{name}:order"] = ",".join(key for key, _ in reply.headers.items())
    return {**found, f"{name}:status": str(reply.status_code)}


def reply_features(name: str, reply: TestResponse) -> Features:
    """Keys and values of the JSON but random tokens, and its length."""
    return {f"{name}.length": len(reply.data), **told(name, reply.get_json())}


def told(name: str, table: Features) -> Features:
    """The values of a reply and of the trial within it, those in a list as words."""
    found: Features = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= told(f"{name}.{key}", value)
        elif key not in {"token", "image"}:
            found[f"{name}.{key}"] = value if isinstance(value, int | float) else str(value)
    return found


def text_features(name: str, text: str) -> Features:
    """Each character by its place, the length, and every word of letters."""
    places = {f"{name}[{n}]": ord(char) for n, char in enumerate(text)}
    words = {f"{name}~{word}": 1 for word in re.findall(r"[a-z]{4,}", text)}
    return {f"{name}.length": len(text), **places, **words}


def structure(data: bytes) -> Features:
    """Chunks of every PNG in the data, by type and length, in order; and the whole length."""
    found: Features = {"length": len(data)}
    for number, start in enumerate(re.finditer(re.escape(SIGNATURE), data)):
        at, index = start.end(), 0
        while at + 8 <= len(data):
            length, kind = struct.unpack(">I4s", data[at : at + 8])
            found[f"png{number}.{index}"] = kind.decode("latin1")
            found[f"png{number}.{index}.length"] = length
            at, index = at + 12 + length, index + 1
            if kind == b"IEND":
                break
    return found


@dataclass(frozen=True)
class Verdict:
    """Share of trials whose side was told right, and its exact binomial interval."""

    accuracy: float
    low: float
    high: float
    n: int


def attack(observed: list[Observed], left: list[bool], confidence: float) -> dict[str, Verdict]:
    """Two classifiers, each tested on participants that it did not learn from."""
    groups = [one.group for one in observed]
    table = DictVectorizer(sparse=False).fit_transform([one.features for one in observed])
    table = table[:, table.std(axis=0) > 0]
    labels = np.array(left)
    folds = GroupKFold(5)
    models = {
        "forest": RandomForestClassifier(80, min_samples_leaf=10, random_state=0),
        "logistic": make_pipeline(MaxAbsScaler(), LogisticRegression(C=0.1, max_iter=300)),
    }
    verdicts = {}
    for name, model in models.items():
        guess = cross_val_predict(model, table, labels, cv=folds, groups=groups)
        right = int((guess == labels).sum())
        interval = stats.binomtest(right, len(labels)).proportion_ci(confidence, "exact")
        verdicts[name] = Verdict(right / len(labels), interval.low, interval.high, len(labels))
    return verdicts
