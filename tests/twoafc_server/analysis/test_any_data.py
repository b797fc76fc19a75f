"""Whatever small table comes in, the analysis says a number with limits, or why there is none."""

import json
import math

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twoafc_server.analysis.analyse import Settings, analyse
from twoafc_server.analysis.reading.answers import Responses, Source, typed
from twoafc_server.analysis.writing.latex import to_latex
from twoafc_server.analysis.writing.tables import csv_files, to_json

ANSWERS = st.lists(
    st.fixed_dictionaries(
        {
            "participant": st.sampled_from("abcd"),
            "image": st.sampled_from("wxyz"),
            "system": st.sampled_from(["s", "t", "u"]),
            "fooled": st.sampled_from("01"),
            "side_model": st.sampled_from(["left", "right", ""]),
            "position": st.sampled_from(["", "1", "2", "9"]),
            "exposure_ms_requested": st.sampled_from(["", "1000", "3000"]),
            "excluded": st.sampled_from("0001"),
        }
    ),
    min_size=1,
    max_size=40,
)


def responses(answers):
    strings = pd.DataFrame(answers)
    chose = np.where(
        strings["fooled"] == "1",
        strings["side_model"],
        strings["side_model"].map({"left": "right", "right": "left", "": ""}),
    )
    return Responses(typed(strings.assign(chose=chose), "table"), Source("plain", "any", ""))


def numbers(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


@given(ANSWERS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_table_is_analysed_or_refused_in_words(answers):
    table = responses(answers)
    if table.kept.empty:
        return
    analysis = analyse(table, Settings(draws=100))
    whole = json.loads(to_json(analysis))
    assert all(math.isfinite(number) for number in numbers(whole))
    csv_files(analysis)
    to_latex(analysis)
    for task in whole["tasks"]:
        for system in task["systems"].values():
            top = system["rate"]["headline"]
            assert 0 <= top["low"] <= top["rate"] <= top["high"] <= 1
            assert top["high"] - top["low"] > 0.01
            for effect in (system["order"], system["exposure_trend"]):
                assert effect["p"] is not None or effect["statement"]
        for pair in task["comparisons"]:
            contrast = pair["contrast"]
            assert contrast["p"] is not None or contrast["statement"]
