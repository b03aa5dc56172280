"""A job of files of which one ends every worker that predicts it."""

import os
import signal
from dataclasses import dataclass

from s2s_plugins.cluster.job import Job


@dataclass(frozen=True)
class PoisonedJob(Job):
    """Its workers do not survive a file that is called ``poison.txt``."""

    def worker(self, shipped):
        worker = super().worker(shipped)
        return lambda partition: die() if partition.file.name == "poison.txt" else worker(partition)


def die():
    os.kill(os.getpid(), signal.SIGKILL)
