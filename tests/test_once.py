"""A part is made once, whoever asks for it first."""

import threading

from ragcl.once import forget_parts, once


class Whole:
    def __init__(self, threads: int) -> None:
        self.made = 0
        self.together = threading.Barrier(threads)

    @once
    def part(self) -> list[int]:
        """A part."""
        self.made += 1
        return [self.other, self.made]

    @once
    def other(self) -> int:
        return 7


def test_several_threads_get_the_same_part() -> None:
    whole = Whole(8)
    found: list[list[int]] = []

    def ask() -> None:
        whole.together.wait()
        found.append(whole.part)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [[7, 1]] * 8
    assert all(one is found[0] for one in found)
    assert Whole.part.__doc__ == "A part."


def test_a_part_that_was_forgotten_is_made_anew() -> None:
    whole = Whole(1)
    before = whole.part

    forget_parts(whole, ("part", "never made"))

    assert whole.part == [7, 2]
    assert before == [7, 1]
