"""Rendered faces take a dataset's place with its base rates, as far as there are such faces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openau.errors import SettingError
from openau.studies.stand_in import match_rates, shares, softened, stand_in
from openau.studies.study import StandIn


def pool(rows: int = 2000) -> pd.DataFrame:
    random = np.random.default_rng(3)
    strong = random.random((rows, 3)) < (0.3, 0.15, 0.1)
    values = np.where(strong, 3.0, random.choice([0.0, 1.0], (rows, 3)))
    emotion = random.choice(["anger", "happiness", "neutral", "pain"], rows, p=[0.1, 0.3, 0.3, 0.3])
    return pd.DataFrame(values, columns=["AU01", "AU12", "AU17"]).assign(
        dataset="sample", au_scale="intensity", emotion=emotion, path=[f"{n}.png" for n in range(rows)]
    )


@settings(max_examples=15)
@given(st.tuples(*[st.floats(0.05, 0.5)] * 3))
def test_base_rates_are_met_within_a_few_percent(rates: tuple[float, float, float]) -> None:
    shown = pool()[["AU01", "AU12", "AU17"]].to_numpy() >= 2
    rows = match_rates(shown, np.array(rates), 150, seed=0)
    assert len(set(rows.tolist())) == 150
    np.testing.assert_allclose(shown[rows].mean(0), rates, atol=0.12)


def test_more_of_an_au_than_there_is_leaves_the_others_alone() -> None:
    shown = pool()[["AU01", "AU12", "AU17"]].to_numpy() >= 2
    rows = match_rates(shown, np.array([0.3, 0.15, 0.99]), 1000, seed=0)
    found = shown[rows].mean(0)
    assert found[2] == pytest.approx(shown[:, 2].sum() / 1000, abs=0.02)
    np.testing.assert_allclose(found[:2], (0.3, 0.15), atol=0.05)


def test_the_same_seed_chooses_the_same_faces() -> None:
    how = StandIn("intensity", {1: 0.4, 12: 0.2})
    one, two = (stand_in(pool(), how, "X", pictures=200, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    other = stand_in(pool(), how, "X", pictures=200, seed=5)
    assert one["path"].tolist() != other["path"].tolist()


def test_a_dataset_of_occurrences_gets_occurrences_and_a_name_that_says_synthetic() -> None:
    table = stand_in(pool(), StandIn("occurrence", {1: 0.4, 12: 0.2}), "CK+", pictures=300)
    assert set(table["AU01"]) == {0, 1}
    assert set(table["au_scale"]) == {"occurrence"}
    assert set(table["dataset"]) == {"CK+ (synthetic)"}


def test_shares_among_pictures_with_an_au_leave_neutral_faces_out() -> None:
    how = StandIn("intensity", {1: 0.5, 12: 0.4, 17: 0.3}, only_with_au=True)
    table = stand_in(pool(), how, "DISFA+", pictures=200)
    assert (table[["AU01", "AU12", "AU17"]] >= 2).any(axis=1).all()
    assert not (table["emotion"] == "neutral").any()
    found = shares(table, how).set_index("name")
    assert found["dataset"].to_dict() == {"AU01": 0.5, "AU12": 0.4, "AU17": 0.3}
    assert found.loc["AU01", "found"] == pytest.approx((table["AU01"] >= 2).mean())


def test_emotions_are_chosen_in_their_proportion() -> None:
    how = StandIn(emotions={"anger": 100, "happiness": 300, "neutral": 100})
    table = stand_in(pool(), how, "RAF-DB", pictures=250)
    assert table["emotion"].value_counts().to_dict() == {"happiness": 150, "anger": 50, "neutral": 50}


def test_rare_aus_are_made_commoner_where_a_scale_wants_it() -> None:
    assert softened({1: 0.5, 20: 0.001}, 15) == {1: 0.5, 20: 1 / 16}
    assert softened({20: 0.001}, 0) == {20: 0.001}


def test_what_is_never_shown_is_refused() -> None:
    with pytest.raises(SettingError, match="never shows"):
        stand_in(pool().assign(AU12=0.0), StandIn("intensity", {12: 0.2}), "X", pictures=10)
    with pytest.raises(SettingError, match="fear"):
        stand_in(pool(), StandIn(emotions={"fear": 1}), "X", pictures=10)
    with pytest.raises(SettingError, match="render more"):
        match_rates(np.ones((3, 1), bool), np.array([0.5]), 4, 0)


def test_a_dataset_has_few_people_and_two_datasets_share_none() -> None:
    many = pool().assign(subject=[f"p{n % 200}" for n in range(2000)])
    how = StandIn("intensity", {1: 0.4, 12: 0.2})
    one, two = (
        stand_in(many, how, "X", pictures=150, people=range(first, first + 40), seed=3) for first in (0, 40)
    )
    assert one["subject"].nunique() <= 40
    assert len(one) / one["subject"].nunique() > 3
    assert not set(one["subject"]) & set(two["subject"])
    crowd = stand_in(many, StandIn(emotions={"anger": 1, "happiness": 1}), "Y", pictures=150, seed=3)
    assert crowd["subject"].nunique() > 60


def test_people_begin_again_where_a_pool_has_no_more() -> None:
    few = pool().assign(subject=[f"p{n % 50}" for n in range(2000)])
    how = StandIn("intensity", {1: 0.4, 12: 0.2})
    wrapped = stand_in(few, how, "X", pictures=400, people=range(40, 80), seed=3)
    assert wrapped["subject"].nunique() == 40
    everybody = stand_in(few, how, "X", pictures=400, people=range(100, 300), seed=3)
    assert everybody["subject"].nunique() == 50
