"""Parses the times of a crontab line, with the meaning of cron (crontab(5)).

Five fields, of numbers, names, lists, ranges and steps, or one of the short forms like `@daily`.
Days of the week count from Sunday, which is 0 and 7. If both kinds of days are named, either
matches. Knows nothing of what is done at these times.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, {name: i for i, name in enumerate(_MONTHS, start=1)}),
    ("weekday", 0, 7, {name: i for i, name in enumerate(_DAYS)}),
)
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")


def trigger(line: str, timezone: str | None = None) -> "BaseTrigger":
    """What fires at the times of a crontab line.

    Args:
        line: the five fields, or a short form.
        timezone: a name like `Europe/Oslo`; None is the time zone of this machine.

    Raises:
        ValueError: a field is not as in crontab, the time never comes, or there is no such zone.
    """
    from apscheduler.triggers.combining import OrTrigger
    from apscheduler.triggers.cron import CronTrigger

    fields = _SHORT.get(line.strip().lower(), line).split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{len(fields)} fields where there are five: minute hour day month weekday"
        )
    zone = _zone(timezone)
    minute, hour, day, month, weekday = (
        _values(text, *field) for text, field in zip(fields, _FIELDS, strict=True)
    )
    days = {"day": _listed(day)}
    weekdays = {"day_of_week": ",".join(_DAYS[i] for i in sorted({one % 7 for one in weekday}))}
    common: dict[str, Any] = {
        "minute": _listed(minute),
        "hour": _listed(hour),
        "month": _listed(month),
        "timezone": zone,
    }
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    wanted = [days, weekdays] if either else [days | weekdays]
    made = [CronTrigger(**common, **one) for one in wanted]
    found: BaseTrigger = OrTrigger(made) if either else made[0]
    if found.get_next_fire_time(None, datetime.now(UTC)) is None:
        raise ValueError("this day never comes")
    return found


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None  # which APScheduler takes for the machine's
    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError) as error:
        raise ValueError(f"no time zone {name!r}; one is 'Europe/Oslo', another 'UTC'") from error


def _values(text: str, what: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    """The values that a field names."""
    found: set[int] = set()
    for part in text.split(","):
        one = _PART.fullmatch(part)
        step = int((one and one["step"]) or 1)
        if not one or step < 1 or (one["step"] and not one["all"] and not one["last"]):
            raise ValueError(f"{part!r} is no {what}, no range and no step of one")
        if one["all"]:
            first, last = low, high
        else:
            first = _number(one["first"], what, low, high, names)
            last = _number(one["last"], what, low, high, names) if one["last"] else first
            if what == "weekday" and last == 0 < first:
                last = 7  # a range to Sunday
        if first > last:
            raise ValueError(f"{part!r} is a range that ends before it begins")
        if what == "weekday" and one["all"]:
            last = 6  # else Sunday would be there twice, and a step would meet it out of turn
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, what: str, low: int, high: int, names: dict[str, int]) -> int:
    value = int(text) if text.isdecimal() else names.get(text.lower(), -1)
    if not low <= value <= high:
        known = f", or {', '.join(names)}" if names else ""
        raise ValueError(f"{text!r} is no {what}: give {low} to {high}{known}")
    return value


def _listed(values: set[int]) -> str:
    return ",".join(map(str, sorted(values)))
