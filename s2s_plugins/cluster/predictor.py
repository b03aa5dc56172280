"""A trained model for data frames and pipelines: batches of columns in, the same with more columns out."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

import numpy as np

from s2s_plugins.cluster.shipping import Shipped
from s2s_plugins.cluster.work import Failed, Work, work_of
from s2s_plugins.cluster.writing import arrow_type
from s2s_plugins.errors import UsageError
from s2s_plugins.extras import library
from s2s_plugins.inference.load import load

ERROR = "error"


class Predictor:
    """Predicts batches of columns: what Ray Data's ``map_batches``, Spark's ``mapInPandas`` and Dask's
    ``map_partitions`` call.

    A translator adds the columns ``prediction``, ``score`` and ``probability``, with ``nbest`` lists of them; a
    classifier ``label`` and ``probability``. A row that cannot be predicted has an ``error`` in place of them, which is
    None elsewhere. Rows stay in their order.

    Args:
        model: path of a model file or folder, name of an installed package, or :class:`Shipped`, which brings the files
            to nodes that do not have them.
        column: of the sources.
        features: column of features beside them.
        backend: what computes, ``"onnx"`` or ``"torch"``.
        **options: of a translator ``beam``, ``nbest``, ``batch_size`` and ``min_probability``; of a classifier the last
            two.

    Raises:
        UsageError: the model cannot be used, or an option is out of range.
    """

    def __init__(
        self,
        model: Union[str, Shipped],
        column: str = "source",
        features: Optional[str] = None,
        backend: Optional[str] = None,
        **options: Any,
    ) -> None:
        self.shipped = model if isinstance(model, Shipped) else Shipped.of(model)
        self.column, self.features, self.backend, self.options = column, features, backend, options
        self.work = self._opened()

    def _opened(self) -> Work:
        with self.shipped.unpacked() as path:
            model = load(path, self.backend)
        try:
            return work_of(model, self.options)
        except TypeError as error:  # a name that no option has
            raise UsageError(f"{str(error).rpartition(') ')[2]}: see Predictor's documentation") from None

    def __getstate__(self) -> Dict[str, Any]:
        """What is sent to another process, which opens the model itself."""
        return {name: value for name, value in vars(self).items() if name != "work"}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        vars(self).update(state)
        self.work = self._opened()

    def __call__(self, batch: Any) -> Any:
        """Add columns to a batch.

        Args:
            batch: a mapping of names to arrays, a pandas data frame, or an Arrow table.

        Returns:
            The same kind, with the rows in their order.

        Raises:
            UsageError: it lacks a column, or is nothing of these.
        """
        names = [self.column] if self.features is None else [self.column, self.features]
        if not (isinstance(batch, Mapping) or hasattr(batch, "append_column") or hasattr(batch, "assign")):
            raise UsageError(f"a batch is a mapping, a data frame or an Arrow table, not a {type(batch).__name__}")
        has = list(getattr(batch, "column_names", batch))
        for name in names:
            if name not in has:
                raise UsageError(f"the batch has no column {name!r}, but {', '.join(map(repr, has))}: name one of them")
        taken = [name for name in (*self.work.fields, ERROR) if name in has]
        if taken:
            raise UsageError(f"the batch has a column {taken[0]!r} already, and one is added: rename it")
        added = self._added([_list(batch[name]) for name in names])
        if isinstance(batch, Mapping):
            return {**batch, **{name: _array(values) for name, values in added.items()}}
        if hasattr(batch, "assign"):
            return batch.assign(**added)
        arrow = library("pyarrow", "an Arrow table")
        for name, values in added.items():
            kind = arrow_type(arrow, self.work.fields.get(name, "string"))
            batch = batch.append_column(name, arrow.array(values, kind))
        return batch

    def _added(self, columns: Sequence[Sequence[Any]]) -> Dict[str, List[Any]]:
        rows = list(zip(*columns))
        good = [place for place, row in enumerate(rows) if all(isinstance(part, str) for part in row)]
        answers: List[Any] = [Failed("the source is not a text") for _ in rows]
        for start in range(0, len(good), self.work.part):
            places = good[start : start + self.work.part]
            for place, answer in zip(places, self.work(["\t".join(rows[place]) for place in places])):
                answers[place] = answer
        values = [None if isinstance(one, Failed) else self.work.values(one) for one in answers]
        added = {name: [None if one is None else one[name] for one in values] for name in self.work.fields}
        return {**added, ERROR: [one.error if isinstance(one, Failed) else None for one in answers]}


def _list(column: Any) -> List[Any]:
    """The values of a column: of Arrow's, as Python has them."""
    return list(column.to_pylist() if hasattr(column, "to_pylist") else column)


def _array(values: Sequence[Any]) -> np.ndarray:
    """An array, of numbers where there are only those: else of objects, and lists are not joined."""
    if values and all(isinstance(value, float) for value in values):
        return np.array(values)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
