"""Spans of a city's policy: days, hours, across midnight and across New Year."""

from datetime import date, datetime, time

import pytest

from edge.domain.city import Span, within

NEW_YEAR = Span(date(2000, 12, 31), date(2000, 12, 31), time(18), time(2), every_year=True)
WINTER = Span(date(2000, 11, 15), date(2000, 2, 15), every_year=True)
NIGHT = Span(start=time(22), end=time(7))
MAY = Span(date(2026, 5, 1), date(2026, 5, 31))


@pytest.mark.parametrize(
    ("span", "moment", "holds"),
    [
        (NEW_YEAR, datetime(2026, 12, 31, 17, 59), False),
        (NEW_YEAR, datetime(2026, 12, 31, 18), True),
        (NEW_YEAR, datetime(2027, 1, 1, 1, 59), True),
        (NEW_YEAR, datetime(2027, 1, 1, 2), False),
        (NEW_YEAR, datetime(2027, 1, 1, 23), False),
        (WINTER, datetime(2026, 12, 1), True),
        (WINTER, datetime(2027, 2, 15, 23), True),
        (WINTER, datetime(2027, 2, 16), False),
        (NIGHT, datetime(2026, 6, 1, 23), True),
        (NIGHT, datetime(2026, 6, 1, 6), True),
        (NIGHT, datetime(2026, 6, 1, 12), False),
        (MAY, datetime(2026, 5, 31, 23, 59), True),
        (MAY, datetime(2027, 5, 1), False),
        (Span(), datetime(2026, 5, 31), True),
        (Span(start=time(8)), datetime(2026, 5, 31, 9), True),
    ],
)
def test_a_moment_is_within_a_span_or_not(span: Span, moment: datetime, holds: bool) -> None:
    assert within(span, moment) is holds
