"""A planted fault: one change of one file that a test ought to notice, and which tests are near enough to be asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`old` stands exactly once in `file`; with `new` in its place the product does what `why` says.

    equivalent: why nobody could ever notice, where that is so; such a row says what was looked at and found to change nothing.
    near: the tests that are asked about this fault, where it is not all of its suite's: pytest's names, or
        `file.test.ts::words` of
        the board's own.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    equivalent: str = ""
    near: tuple[str, ...] = ()

    def planted(self, source: str) -> str:
        """The source with the fault in it.

        Raises:
            FaultGone: the source no longer has what is to be changed, or has it more than once.
        """
        if source.count(self.old) != 1 or self.old == self.new:
            raise FaultGone(self, source.count(self.old))
        return source.replace(self.old, self.new)


class FaultGone(Exception):
    """The table of faults no longer fits the tree."""

    def __init__(self, fault: Fault, count: int) -> None:
        super().__init__(f"{fault.name}: {fault.file} has {fault.old!r} {count} times")


@dataclass(frozen=True, slots=True)
class Suite:
    """Faults, and the tests near them, the quickest first.

    plain: run the tests without the compiler, which would compile each fault anew. pages: the tests look at the built board,
        which is built anew for each fault.
    """

    title: str
    near: tuple[str, ...]
    faults: tuple[Fault, ...]
    plain: bool = False
    pages: bool = False

    @property
    def all_near(self) -> tuple[str, ...]:
        """The suite's tests and those of its faults, each once."""
        return tuple(dict.fromkeys([*self.near, *(name for fault in self.faults for name in fault.near)]))
