"""Noise on counts is distributed as it says, and the day's ledger gives nothing back."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opendp.prelude as dp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edge.domain.report_base import BelowK
from edge.domain.reports import REPORT_MODELS
from edge.domain.scene_reports import PeopleCountReport
from edge.domain.time import CaptureTime
from edge.privacy.gate import Gate
from edge.privacy.noise import Ledger, discrete_laplace
from edge.privacy.policy import Noise, Policy, PolicyError, parse_policy
from tests.privacy.test_small_counts import GROUND, NOON_NS, seen

DAY = date(2026, 5, 1)
ONE = Fraction(1)


def samples(epsilon: Fraction, count: int = 5000) -> list[int]:
    rand_below = random.Random(str(epsilon)).randrange
    return [discrete_laplace(epsilon, rand_below) for _ in range(count)]


def expected(epsilon: Fraction, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """P(x) = (1 - q) / (1 + q) * q^|x| with q = exp(-epsilon)."""
    q = np.exp(-float(epsilon))
    return np.asarray((1 - q) / (1 + q) * q ** np.abs(values))


@pytest.mark.parametrize("epsilon", [Fraction(1, 5), Fraction(7, 10), Fraction(1), Fraction(5, 2)])
def test_the_noise_has_the_exact_distribution(epsilon: Fraction) -> None:
    noise = np.array(samples(epsilon))
    edge = int(np.ceil(3 / float(epsilon)))
    values = np.arange(-edge, edge + 1)
    observed = np.array([np.sum(noise == value) for value in values])
    wanted = expected(epsilon, values) * len(noise)
    observed, wanted = (
        np.append(observed, len(noise) - observed.sum()),
        np.append(wanted, len(noise) - wanted.sum()),
    )
    assert stats.chisquare(observed, wanted).pvalue > 1e-3


@pytest.mark.parametrize("epsilon", [Fraction(1, 2), Fraction(2)])
def test_the_noise_is_that_of_opendp(epsilon: Fraction) -> None:
    dp.enable_features("contrib")
    space = dp.atom_domain(T=int), dp.absolute_distance(T=int)
    mechanism: Any = dp.m.make_laplace(*space, scale=1 / float(epsilon))
    assert mechanism.map(1) == pytest.approx(float(epsilon))
    theirs, ours = Counter(mechanism(0) for _ in range(5000)), Counter(samples(epsilon))
    edge = int(np.ceil(3 / float(epsilon)))
    table = [[side[value] for value in range(-edge, edge + 1)] for side in (theirs, ours)]
    assert stats.chi2_contingency(table).pvalue > 1e-6


def test_a_neighbouring_count_is_hardly_likelier() -> None:
    epsilon = Fraction(1, 2)
    values = np.arange(-40, 40)
    ratio = expected(epsilon, values) / expected(epsilon, values - 1)
    assert np.all(np.abs(np.log(ratio)) <= float(epsilon) + 1e-12)


def test_a_day_has_its_budget_and_the_next_day_another(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "epsilon.json")
    third = Fraction(1, 3)
    assert [ledger.spend(DAY, third, ONE) for _ in range(4)] == [True, True, True, False]
    assert ledger.spend(DAY + timedelta(days=1), third, ONE)
    assert [ledger.spend(DAY, third, ONE) for _ in range(3)] == [True, True, False]  # a clock that went back


def test_a_clock_that_was_years_ahead_costs_a_day_and_not_years(tmp_path: Path) -> None:
    path = tmp_path / "epsilon.json"
    third = Fraction(1, 3)
    assert Ledger(path).spend(date(2099, 1, 1), third, ONE)
    for ledger in (Ledger(path), Ledger(path)):
        assert not ledger.spend(DAY, third, ONE)  # today counts as spent
        assert not ledger.spend(DAY - timedelta(days=1), third, ONE)
    assert Ledger(path).spend(DAY + timedelta(days=1), third, ONE)


def test_without_a_synchronised_clock_nothing_is_spent(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "epsilon.json")
    assert not ledger.spend(None, Fraction(1, 3), ONE)
    assert not (tmp_path / "epsilon.json").exists()
    assert ledger.spend(DAY, Fraction(1, 3), ONE)


def test_a_restart_gives_nothing_back(tmp_path: Path) -> None:
    path = tmp_path / "state" / "epsilon.json"
    tenth = Fraction(1, 10)
    spent = 0
    while Ledger(path).spend(DAY, tenth, ONE):
        spent += 1
    assert 5 <= spent <= 10
    assert not Ledger(path).spend(DAY, tenth, ONE)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.fractions(Fraction(1, 100), 1), st.booleans()), max_size=40))
def test_no_day_spends_more_than_its_budget(spends: list[tuple[int, Fraction, bool]]) -> None:
    ledger, spent, latest, turns, turned_back = Ledger(), Counter[int](), 0, 0, False
    for day, epsilon, _ in spends:
        if day > latest or latest - day > 1:
            turned_back = day < latest
            latest, turns = day, turns + 1
        if ledger.spend(DAY + timedelta(days=day), epsilon, ONE):
            assert not turned_back
            spent[turns] += epsilon  # type: ignore[assignment] # a counter of fractions
    assert all(total <= 1 for total in spent.values())


@pytest.mark.parametrize(
    "content", ["", "{}", '{"day": "x", "spent": "0"}', '{"day": "2026-05-01", "spent": "1/0"}']
)
def test_a_ledger_that_cannot_be_read_counts_as_spent(tmp_path: Path, content: str) -> None:
    path = tmp_path / "epsilon.json"
    path.write_text(content)
    today = datetime.now(UTC).date()
    assert not Ledger(path).spend(today, Fraction(1, 10), ONE)


def test_a_ledger_that_cannot_be_written_lets_no_count_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not Ledger(tmp_path / "file" / "epsilon.json").spend(DAY, Fraction(1, 10), ONE)


NOISE = Noise(epsilon=Fraction(1, 2), per_day=Fraction(2))


def gate(noise: Noise | None = NOISE, **values: Any) -> Gate:
    return Gate(Policy(dict.fromkeys(REPORT_MODELS, GROUND), noise=noise, **values))


def test_counts_leave_with_noise_and_what_would_tell_them_does_not() -> None:
    told = [gate().admit(seen(people=60, people_low=50, people_high=70)) for _ in range(60)]
    counts = [report.people for report in told if isinstance(report, PeopleCountReport)]
    assert len(set(counts)) > 3
    assert all(isinstance(count, int) and 20 < count < 100 for count in counts)
    for report in told:
        assert isinstance(report, PeopleCountReport)
        assert report.epsilon == 1.0  # people and two-wheelers, each 1/2
        assert (report.speed_ms, report.people_low, report.headings) == (None, None, ())


def test_a_small_noisy_count_is_a_band_too() -> None:
    few = [gate(k=50).admit(seen(people=3)) for _ in range(20)]
    assert {report.people for report in few if isinstance(report, PeopleCountReport)} == {BelowK.BELOW_K}


def test_a_negative_count_is_refused_with_noise_too() -> None:
    refusing = gate()
    assert refusing.admit(seen(people=-1)) is None
    assert refusing.refused["people_count"] == 1


def test_when_the_day_is_spent_no_count_leaves_and_that_is_counted() -> None:
    spending = gate()
    told = [spending.admit(seen(people=60)) for _ in range(4)]
    assert [report is not None for report in told] == [True, True, False, False]
    assert spending.over_budget["people_count"] == 2


def test_without_a_synchronised_clock_no_noisy_count_leaves_but_what_counts_nobody_does() -> None:
    unknown = CaptureTime(NOON_NS, 0, None)
    spending = gate()
    assert spending.admit(seen(people=60, time=unknown)) is None
    assert spending.over_budget["people_count"] == 1
    assert gate(None).admit(seen(people=60, time=unknown)) is not None
    absent = seen(time=unknown, **dict.fromkeys(("people", "people_low", "people_high", "two_wheelers")))
    assert spending.admit(absent) is not None


def test_without_noise_a_count_leaves_as_it_is() -> None:
    report = gate(None).admit(seen(people=60))
    assert isinstance(report, PeopleCountReport)
    assert (report.people, report.epsilon) == (60, None)


def test_the_policy_says_how_much() -> None:
    text = "[reports]\n[differential_privacy]\nepsilon_per_count = 0.1\nepsilon_per_day = 20\n"
    assert parse_policy(text, "p").noise == Noise(Fraction(1, 10), Fraction(20))
    with pytest.raises(PolicyError, match="would not last for one count"):
        parse_policy(text.replace("20", "0.05"), "p")
