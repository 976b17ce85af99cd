"""Progress display and Ctrl-C during training."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from types import FrameType, TracebackType
from typing import Any

from radlearn.progress import Bar

SPEAK_EVERY_SECONDS = 0.5
MOMENT_SECONDS = 1.0
"Between the death of a worker and the signal that ends its parent too."


class Voice:
    """Updates a progress bar from its own thread: progress is shown during slow steps, and fast steps do not wait for the terminal."""

    def __init__(self, bar: Bar, steps: int) -> None:
        bar.start_at(steps)
        self.bar = bar
        # Steps done in total, earlier ones included, and the note of the bar. The loop sets both.
        self.steps, self.note = steps, ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._update_until_ended, daemon=True)

    def __enter__(self) -> "Voice":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._update()

    def _update_until_ended(self) -> None:
        while not self._ended.wait(SPEAK_EVERY_SECONDS):
            self._update()

    def _update(self) -> None:
        self.bar.advance(self.steps - self.bar.done, self.note)


class CtrlC:
    """Turns the first Ctrl-C (or SIGTERM) into a flag that the loop checks, `wanted`; the second one, `insisted`, stops at once.

    It has no effect outside the main thread, the only one in which Python handles signals.
    """

    def __init__(self) -> None:
        self.wanted = self.insisted = False
        # What the message says that it was.
        self.by = "Ctrl-C"
        self._at_once = self._is_ending = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "CtrlC":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Raise KeyboardInterrupt at the first Ctrl-C while the block runs, for work that can simply be repeated."""
        self._at_once = True
        try:
            if self.wanted:
                raise KeyboardInterrupt
            yield
        finally:
            self._at_once = False

    def wanted_soon(self) -> bool:
        """Whether the process was asked to end, or is within a moment; from now on no further signal interrupts what ends it."""
        self._is_ending = True
        until = monotonic() + MOMENT_SECONDS
        while not self.wanted and monotonic() < until:
            # Another worker of torch may be found dead meanwhile.
            with suppress(RuntimeError):
                sleep(MOMENT_SECONDS / 20)
        return self.wanted

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.by = "SIGTERM" if number == signal.SIGTERM else "Ctrl-C"
        self.insisted = self.wanted
        self.wanted = True
        if (self.insisted or self._at_once) and not self._is_ending:
            raise KeyboardInterrupt
