"""Long work says where it is by lines, seldom enough for a log."""

from ragcl.progress import Lines


def test_short_work_says_nothing() -> None:
    said: list[str] = []
    now = 0.0
    progress = Lines(said.append, after=5, clock=lambda: now)

    for done in range(8):
        progress("reading", done, 8)
        progress("embedding", done, 8)
        now += 1

    assert said == ["reading 5 of 8", "embedding 5 of 8"]


def test_a_line_begins_each_stage_and_then_comes_now_and_then() -> None:
    said: list[str] = []
    now = 100.0
    progress = Lines(said.append, every=30, after=0, clock=lambda: now)

    for done in range(10):  # a step takes ten seconds
        progress("studying", done, 10)
        now += 10
    progress("training", 0, 400)
    progress("studying", 10, 10)

    assert said == [
        "studying 0 of 10",
        "studying 3 of 10",
        "studying 6 of 10",
        "studying 9 of 10",
        "training 0 of 400",
    ]
