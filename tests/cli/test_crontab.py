"""Crontab lines fire when cron would run them."""

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.base import BaseTrigger

from ragcl.cli.crontab import trigger

MONDAY = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def fires(line: str, days: int = 14, timezone: str = "UTC") -> list[datetime]:
    """When a line fires in the days from Monday on."""
    found: list[datetime] = []
    made: BaseTrigger = trigger(line, timezone)
    before, now = None, MONDAY
    while True:
        one = made.get_next_fire_time(before, now)
        if one is None or one > MONDAY + timedelta(days=days):
            return found
        found.append(one)
        before, now = one, one + timedelta(seconds=1)


def weekdays(line: str) -> list[str]:
    return [f"{one:%a}" for one in fires(line, 7)]


@pytest.mark.parametrize("sunday", ["0", "7", "sun", "SUN", "7-7", "0,7"])
def test_sunday_is_the_first_day_and_the_last(sunday: str) -> None:
    assert weekdays(f"0 3 * * {sunday}") == ["Sun"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("1", ["Mon"]),
        ("1-5", ["Tue", "Wed", "Thu", "Fri", "Mon"]),
        ("mon-fri", ["Tue", "Wed", "Thu", "Fri", "Mon"]),
        ("5-7", ["Fri", "Sat", "Sun"]),
        ("fri-sun", ["Fri", "Sat", "Sun"]),
        ("0-1", ["Sun", "Mon"]),
        ("1-5/2", ["Wed", "Fri", "Mon"]),
        ("*/2", ["Tue", "Thu", "Sat", "Sun"]),
        ("*/3", ["Wed", "Sat", "Sun"]),
        ("0-6", ["Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Mon"]),
        ("mon,wed,6", ["Wed", "Sat", "Mon"]),
    ],
)
def test_days_of_the_week(field: str, expected: list[str]) -> None:
    assert weekdays(f"0 3 * * {field}") == expected


def test_where_both_days_are_named_either_will_do() -> None:
    days = {one.day for one in fires("0 3 1,13 * fri")}

    assert days == {1, 4, 11, 13}
    assert len(fires("0 3 4 * fri")) == 2  # a Friday that is the 4th comes once


def test_where_one_begins_with_a_star_both_have_to_fit() -> None:
    assert [one.day for one in fires("0 3 */2 * fri")] == [11]
    assert [one.day for one in fires("0 3 5 * */6")] == [5]  # a Saturday


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("@daily", "01 00:00"),
        ("@Hourly", "30 12:00"),
        ("@weekly", "06 00:00"),
        ("@monthly", "01 00:00"),
        ("30 14 * nov *", "30 14:30"),
        ("*/20 * * * *", "30 12:00"),
        ("5-59/25 * * * *", "30 12:05"),
        ("0,45 12-13 * 11,dec *", "30 12:00"),
    ],
)
def test_the_other_forms(line: str, expected: str) -> None:
    assert f"{fires(line)[0]:%d %H:%M}" == expected


def test_the_time_is_that_of_the_zone() -> None:
    [first, *_] = fires("0 3 * * *", timezone="Asia/Tokyo")

    assert first.astimezone(UTC).hour == 18
    assert trigger("0 3 * * *").get_next_fire_time(None, MONDAY) is not None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("now and then", "3 fields"),
        ("60 3 * * *", "'60' is no minute: give 0 to 59"),
        ("0 24 * * *", "no hour"),
        ("0 3 0 * *", "no day"),
        ("0 3 * 13 *", "no month"),
        ("0 3 * * 8", "no weekday: give 0 to 7, or sun"),
        ("0 3 * * noday", "no weekday"),
        ("0 3 * * 5-1", "ends before it begins"),
        ("0 3 * * 1/2", "no step"),
        ("*/0 3 * * *", "no step"),
        ("0 3 30 2 *", "never comes"),
        ("0 3 , * *", "no day"),
        ("@reboot", "1 fields"),
    ],
)
def test_what_is_no_crontab_is_told(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trigger(line, "UTC")


def test_an_unknown_zone_is_told() -> None:
    with pytest.raises(ValueError, match="no time zone 'Mars'"):
        trigger("0 3 * * *", "Mars")
