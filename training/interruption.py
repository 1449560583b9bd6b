"""Ctrl-C, taken as a wish to stop after the batch that is being trained."""

import signal
import threading


class Interruption:
    """While it is entered, the first Ctrl-C only sets `asked`; a second one interrupts as usual.

    Outside the main thread, and where Ctrl-C has another handler already, it changes nothing.

    Examples
    --------
    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interruption.asked
    True
    """

    def __init__(self):
        self.asked, self._isMine = False, False

    def __enter__(self):
        isMain = threading.current_thread() is threading.main_thread()
        self._isMine = isMain and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._isMine:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *raised):
        if self._isMine:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number, frame):
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
