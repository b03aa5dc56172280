"""Files of series through a forecaster: a partition is read whole."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any, Dict

from s2s_plugins.cluster.partitions import Done, Partition, Worker
from s2s_plugins.cluster.storage import storage_of
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.series.features import unknown_categories
from s2s_plugins.series.forecasts import write_arrays, write_table
from s2s_plugins.series.reading import read_series

TABLE, ARRAYS = "csv", "npz"
LIKE = {".npy": ARRAYS, ".npz": ARRAYS}  # other files are tables


def format_of(name: str) -> str:
    """What the forecasts of a file are written as."""
    return LIKE.get(PurePosixPath(name).suffix.lower(), TABLE)


class Forecasting(Worker):
    """What ``s2s forecast`` does to a file.

    Args:
        forecaster: the model.
        output: folder or URL.
        options: ``length``, ``levels`` and ``batch_size`` of
            :meth:`~s2s_plugins.inference.forecaster.Forecaster.forecast`.

    Raises:
        UsageError: the model does not give the levels.
    """

    def __init__(self, forecaster: Forecaster, output: str, options: Dict[str, Any]) -> None:
        super().__init__(output)
        self.forecaster, self.options = forecaster, options
        forecaster.check_levels(options.get("levels"))

    def predict(self, partition: Partition) -> Done:
        file, description = partition.file, self.forecaster.description
        with tempfile.TemporaryDirectory() as folder:
            own, found = Path(folder, PurePosixPath(file.name).name), Path(folder, f"found.{partition.format}")
            with storage_of(file.path).open(file.path) as content, open(own, "wb") as copy:
                shutil.copyfileobj(content, copy)
            series = read_series(own, description)
            forecasts = self.forecaster.forecast(series, **self.options)
            if partition.format == ARRAYS:
                write_arrays(forecasts, found)
            else:
                write_table(forecasts, description, found)
            with self.writing(partition) as stream, open(found, "rb") as written:
                shutil.copyfileobj(written, stream)
        unknown = sum(len(unknown_categories(one, description)) for one in series)
        return Done(file.name, file.size, file.version, len(series), unknown=unknown)
