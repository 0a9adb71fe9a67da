"""The Dutch and the European index: every edge of both tables, and how the pollutants come together."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoding.air_indices import EAQI_BOUNDS, INDICES, LKI_EDGES, eaqi, lki
from edge.domain.air_quality import IndexName, Pollutant

PM2_5, PM10, NO2, O3, SO2 = Pollutant.PM2_5, Pollutant.PM10, Pollutant.NO2, Pollutant.O3, Pollutant.SO2

# Written out once more, as the tables of the reports have them.
LKI = {
    O3: [0, 15, 30, 40, 60, 80, 100, 140, 180, 200, 240],
    NO2: [0, 10, 20, 30, 45, 60, 75, 100, 125, 150, 200],
    PM10: [0, 10, 20, 30, 45, 60, 75, 100, 125, 150, 200],
    PM2_5: [0, 10, 15, 20, 30, 40, 50, 70, 90, 100, 140],
}
EAQI = {
    PM2_5: [5, 15, 50, 90, 140],
    PM10: [15, 45, 120, 195, 270],
    NO2: [10, 25, 60, 100, 150],
    O3: [60, 100, 120, 160, 180],
    SO2: [20, 40, 125, 190, 275],
}


@pytest.mark.parametrize("index", [lki, eaqi])
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_what_is_no_mean_is_refused(index: object, wrong: float) -> None:
    with pytest.raises(ValueError, match="no mean"):
        index({PM10: wrong})  # type: ignore[operator]


@pytest.mark.parametrize("index", [lki, eaqi])
def test_without_a_pollutant_of_the_index_there_is_none(index: object) -> None:
    assert index({}) is None  # type: ignore[operator]
    assert index({Pollutant.CO: 300.0}) is None  # type: ignore[operator]


def value(found: object) -> int:
    number: int = getattr(found, "value", 0)
    return number


@pytest.mark.parametrize(
    ("pollutant", "number", "edge"),
    [(p, n, edge) for p, edges in LKI.items() for n, edge in enumerate(edges, 1)],
)
def test_each_edge_of_the_lki_begins_its_class(pollutant: Pollutant, number: int, edge: float) -> None:
    assert value(lki({pollutant: edge})) == number
    assert value(lki({pollutant: edge + 0.01})) == number
    if edge:
        assert value(lki({pollutant: edge - 0.01})) == number - 1


@pytest.mark.parametrize(
    ("pollutant", "number", "bound"),
    [(p, n, bound) for p, bounds in EAQI.items() for n, bound in enumerate(bounds, 1)],
)
def test_each_bound_of_the_eaqi_ends_its_class(pollutant: Pollutant, number: int, bound: float) -> None:
    assert value(eaqi({pollutant: bound})) == number
    assert value(eaqi({pollutant: bound - 0.01})) == number
    assert value(eaqi({pollutant: bound + 0.01})) == number + 1


def test_the_bands_of_the_old_european_index_are_not_used() -> None:
    # 10, 20, 25, 50, 75 for PM2.5, until 2024: 12 was fair, 24 moderate, 60 very poor.
    assert [value(eaqi({PM2_5: x})) for x in (8, 12, 24, 60, 80)] == [2, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("no2", "o3", "pm10", "pm2_5", "index"),
    # The worked example of the R package con2lki.
    [
        (15, 35, 4, 45, 6),
        (30, 20, 30, 40, 6),
        (100, 58, 101, 99, 9),
        (1, 0, 0, 2, 2),
        (201, 201, 101, 110, 11),
    ],
)
def test_the_lki_of_a_published_example(no2: float, o3: float, pm10: float, pm2_5: float, index: int) -> None:
    assert value(lki({NO2: no2, O3: o3, PM10: pm10, PM2_5: pm2_5})) == index


def test_equally_bad_pollutants_make_the_lki_one_worse_but_never_more_than_the_worst() -> None:
    assert value(lki({NO2: 25, O3: 35, PM10: 25, PM2_5: 18})) == 4
    assert value(lki({NO2: 900, O3: 900, PM10: 900, PM2_5: 900})) == 11
    # Of two that are known nobody can say that all are equal.
    assert value(lki({PM10: 25, PM2_5: 18})) == 3


def test_an_index_says_what_it_rests_on_and_what_is_missing() -> None:
    found = eaqi({PM10: 10, PM2_5: 20, Pollutant.CO: 5})
    assert found is not None
    assert (found.name, found.value, found.worst) == (IndexName.EAQI_2024, 3, PM2_5)
    assert found.used == (PM2_5, PM10)
    assert found.missing == (NO2, O3, SO2)


@given(st.dictionaries(st.sampled_from(Pollutant), st.floats(-50, 1000)), st.sampled_from(IndexName))
def test_it_is_that_of_the_worst_pollutant(means: dict[Pollutant, float], name: IndexName) -> None:
    index, table = INDICES[name], (LKI_EDGES if name is IndexName.LKI else EAQI_BOUNDS)
    found = index(means)
    parts = [value(index({pollutant: mean})) for pollutant, mean in means.items() if pollutant in table]
    assert (found is None) == (not parts)
    if found is not None:
        assert found.value - max(parts) in ({0, 1} if name is IndexName.LKI else {0})
        assert 1 <= found.value <= (11 if name is IndexName.LKI else 6)
        assert set(found.used) | set(found.missing) == set(table)
        assert not set(found.used) & set(found.missing)


@given(st.sampled_from(sorted(LKI_EDGES)), st.floats(0, 500), st.floats(0, 500))
def test_more_is_never_better(pollutant: Pollutant, one: float, other: float) -> None:
    less, more = sorted((one, other))
    for index in INDICES.values():
        assert value(index({pollutant: less})) <= value(index({pollutant: more}))


def test_the_page_shows_the_tables_that_are_used() -> None:
    page = (Path(__file__).parents[2] / "docs" / "air.md").read_text()
    names = {PM2_5: "PM2.5", PM10: "PM10", NO2: "NO2", O3: "O3", SO2: "SO2"}
    for table in (EAQI_BOUNDS, LKI_EDGES):
        for pollutant, edges in table.items():
            shown = " ".join(f"{edge:g}" for edge in edges)
            # The LKI has one row for PM10 and NO2.
            assert f"{names[pollutant]} {shown}" in page or f"PM10 and NO2 {shown}" in page, pollutant
