"""The live display of training: quiet where nobody looks, cheap where somebody does."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

#: Seconds between two drawings: each takes about a millisecond.
PAUSE = 0.25


class Display:
    """Loss, accuracy, samples a second and time left, on a terminal; nothing elsewhere.

    Parameters
    ----------
    shown : bool or None
        None: whether standard error is a terminal.
    epochs : int
        How many epochs there will be.
    unit : str
        What a sample is called, in the plural.
    console : rich.console.Console or None
        Where to draw; None: standard error.

    Examples
    --------
    >>> with Display(False, 3, "images") as display:
    ...     display.advance(0, 1, 10, 64, {"loss": 0.5})
    """

    def __init__(self, shown, epochs, unit, console=None):
        console = console or Console(stderr=True)
        self.isShown = console.is_terminal if shown is None else shown
        self.epochs, self.unit = epochs, unit
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
        )
        self._progress = Progress(*columns, console=console, auto_refresh=False)
        self._task = self._due = self._latest = None
        self._samples = self._trained = 0

    def __enter__(self):
        if self.isShown:
            self._progress.start()
            self._task = self._progress.add_task("", total=None, figures="")
            self._due = self._began = time.perf_counter()
        return self

    def __exit__(self, *raised):
        if self.isShown:
            if self._latest is not None:
                self._draw(time.perf_counter())
            self._progress.stop()

    def advance(self, epoch, batch, batches, samples, row):
        """A batch is trained.

        Parameters
        ----------
        epoch, batch, batches : int
            The number of the epoch, the batches finished in it, and how many it has; 0: unknown.
        samples : int
            How many the batch had.
        row : dict
            Means over the epoch so far, such as the loss.
        """
        if not self.isShown:
            return
        self._samples += samples
        self._trained += 1
        self._latest = epoch, batch, batches, row
        now = time.perf_counter()
        if now >= self._due:
            self._due = now + PAUSE
            self._draw(now)

    def _draw(self, now):
        (epoch, batch, batches, row), seconds = self._latest, now - self._began
        figures = [f"{name} {value:.4g}" for name, value in row.items()]
        figures.append(f"{self._samples / max(seconds, 1e-9):,.0f} {self.unit}/s")
        if batches:
            left = (self.epochs - epoch) * batches - batch
            figures.append(f"{duration(left * seconds / self._trained)} left")
        self._progress.update(
            self._task,
            description=f"epoch {epoch + 1}/{self.epochs}",
            completed=batch,
            total=batches or None,
            figures="  ".join(figures),
            refresh=True,
        )


def counted(number, noun):
    """A number of things that add an s where there is not one of them.

    Examples
    --------
    >>> counted(1, "cell"), counted(0, "cell"), counted(12, "stored cell")
    ('1 cell', '0 cells', '12 stored cells')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def duration(seconds):
    """Seconds as hours, minutes and seconds.

    Examples
    --------
    >>> duration(59.7), duration(3723)
    ('1:00', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
