"""The two people a training must not keep waiting: the one who watches it, and the one who stops it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from radlearn.progress import Bar

SPEAK_EVERY_SECONDS = 0.5


class Voice:
    """Tells a bar how far a loop is, from a thread of its own: a slow step is never silent, a fast one never waits for the screen."""

    def __init__(self, bar: Bar, steps: int) -> None:
        bar.start_at(steps)
        self.bar = bar
        # All steps done, earlier ones included, and what to say of them: set by the loop, as often as it likes.
        self.steps, self.note = steps, ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._speak_until_ended, daemon=True)

    def __enter__(self) -> "Voice":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._speak()

    def _speak_until_ended(self) -> None:
        while not self._ended.wait(SPEAK_EVERY_SECONDS):
            self._speak()

    def _speak(self) -> None:
        self.bar.advance(self.steps - self.bar.done, self.note)


class CtrlC:
    """Turns the first Ctrl-C (or a polite request to end, SIGTERM) into a wish the loop can ask for; the second stops at once.

    In any other than the main thread, where Python hears no signals, it never hears one.
    """

    def __init__(self) -> None:
        self.wanted = self.insisted = False
        self._waits_for_nothing = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "CtrlC":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Stop already at the first Ctrl-C while the block runs, with KeyboardInterrupt: for work that can simply be repeated."""
        self._waits_for_nothing = True
        try:
            if self.wanted:
                raise KeyboardInterrupt
            yield
        finally:
            self._waits_for_nothing = False

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.insisted = self.wanted
        self.wanted = True
        if self.insisted or self._waits_for_nothing:
            raise KeyboardInterrupt
