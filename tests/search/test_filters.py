"""What is said of dates and names, as a filter of the catalog."""

from datetime import UTC, date, datetime

import pytest

from ragcl.catalog.chunks import Filter
from ragcl.errors import UsageError
from ragcl.search.filters import Moment, make_filter

HELD = range(-(2**63), 2**63)  # what SQLite can
LAST = 2**63 - 2  # the latest stamp of a file


@pytest.mark.parametrize(
    "moment",
    ["0001-01-01", "1600-01-01", "2300-06-01", "9999-12-31", "0001-01-01T00:00+14:00",
     "9999-12-31T23:59:59.999999-12:00", date.min, date.max, datetime.min, datetime.max],
)  # fmt: skip
def test_no_date_is_too_far(moment: Moment) -> None:
    chosen = make_filter(None, moment, moment, None)

    assert chosen is not None
    assert chosen.since_ns in HELD
    assert chosen.until_ns in HELD


def test_a_date_beyond_what_a_file_can_bear_lets_through_what_lies_before_it() -> None:
    far = make_filter(None, "9999-01-01", None, None)
    before = make_filter(None, "0001-01-01", None, None)
    until = make_filter(None, None, "9999-12-31", None)

    assert (far or Filter()).since_ns == LAST
    assert (before or Filter()).since_ns == -LAST - 1
    assert (until or Filter()).until_ns == LAST + 1


def test_days_and_moments_in_reach_are_exact() -> None:
    chosen = make_filter(None, datetime(2026, 1, 31, 18, 30, tzinfo=UTC), None, None)

    assert chosen is not None
    assert chosen.since_ns == 1_769_884_200 * 10**9
    with pytest.raises(UsageError, match="is no date"):
        make_filter(None, "soon", None, None)
