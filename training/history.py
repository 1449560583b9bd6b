"""The history of a training: a row of figures for each epoch, and why it ended."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What training went through.

    Attributes
    ----------
    rows : list of dict
        For each finished epoch: 'epoch', counted from 1, the means over its batches ('loss',
        'accuracy' where the objective has one, 'penalty' where there is a regularisation), the same
        over the validation data ('validationLoss', ...), 'rate' of the last update, 'seconds'.
    stopped : str or None
        Why training ended before its last epoch: 'interrupted' by Ctrl-C, or what a callback said.

    Examples
    --------
    >>> History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]).column("loss")
    [0.5, 0.25]
    """

    rows: list = field(default_factory=list)
    stopped: str | None = None

    def column(self, name):
        """A figure's values, epoch by epoch."""
        return [row[name] for row in self.rows]


@dataclass
class Position:
    """Where training stands, between two batches: all that the next batch depends on by count.

    Attributes
    ----------
    epoch, batch, update : int
        Finished epochs, finished batches of the present one, and finished batches of all.
    samples : int
        Those of the finished batches of the present epoch.
    sums : dict
        The figures of these samples, summed.
    seconds : float
        What the present epoch has taken.

    Examples
    --------
    >>> position = Position()
    >>> position.add(2, {"loss": 1.0})
    >>> position.add(1, {"loss": 4.0})
    >>> position.means(), position.batch
    ({'loss': 2.0}, 2)
    """

    epoch: int = 0
    batch: int = 0
    update: int = 0
    samples: int = 0
    sums: dict = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, samples, figures):
        """A batch is finished: count it, and add its means up."""
        self.batch, self.update = self.batch + 1, self.update + 1
        self.samples += samples
        for name, mean in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + samples * mean

    def means(self):
        """The means over the samples of the present epoch."""
        return {name: total / self.samples for name, total in self.sums.items()}

    def finishEpoch(self):
        """The next epoch begins."""
        self.epoch, self.batch, self.samples = self.epoch + 1, 0, 0
        self.sums, self.seconds = {}, 0.0
