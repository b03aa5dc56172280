"""What a model reads of a series, standardised: one function for training and for use."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.series.description import Description
from s2s_plugins.series.table import Series
from s2s_plugins.series.times import phase


class Features(NamedTuple):
    """What is read and predicted at each row of a series; a value that is missing is NaN.

    Attributes:
        source: what an encoder reads, (R, D) float32.
        covariates: what a decoder reads beside its previous outputs, (R, F) float32.
        target: what is predicted, (R, K) float32.
    """

    source: NDArray[np.float32]
    covariates: NDArray[np.float32]
    target: NDArray[np.float32]


def features(series: Series, description: Description) -> Features:
    """The standardised values of a series, in the order that :class:`Description` gives.

    Values are standardised as float64 and only then made float32, so that those of a high level keep their precision.
    """
    observed = standardised([series.values[name] for name in description.observed], description.observed, description)
    indicators = [np.isnan(observed)] if description.missing else []
    covariates = _covariates(series, description)
    source = np.concatenate([observed, *indicators, covariates], axis=1, dtype=np.float32)
    if description.kind == "series":
        target = observed[:, : description.target_size].astype(np.float32)
    else:
        target = np.full((series.rows, description.target_size), np.nan, dtype=np.float32)
    return Features(source, covariates.astype(np.float32), target)


def standardised(
    columns: Sequence[NDArray[np.float64]], names: Sequence[str], description: Description
) -> NDArray[np.float64]:
    """``(x - mean) / std`` of columns, (R,) each.

    Returns:
        (R, columns).
    """
    scaled = [(column - description.means[name]) / description.stds[name] for name, column in zip(names, columns)]
    return np.stack(scaled, axis=1)


def in_units(target: NDArray[np.floating], description: Description) -> NDArray[np.float64]:
    """Standardised targets in the units of the data: the inverse of :func:`features`.

    Args:
        target: (..., K).
    """
    means = np.array([description.means[name] for name in description.targets])
    stds = np.array([description.stds[name] for name in description.targets])
    return target * stds + means


def unknown_categories(series: Series, description: Description) -> List[str]:
    """A line about each static value of a series that the training part had not: a model reads zeros for it."""
    remedy = "which no series had in training: read as zeros"
    return [
        f"series {series.name!r}: column {name!r} is {series.static[name]!r}, {remedy}"
        for name in description.static
        if name in description.categories and series.static[name] not in description.categories[name]
    ]


def _covariates(series: Series, description: Description) -> NDArray[np.float64]:
    """Known, calendar and static covariates, (R, F)."""
    columns = [(series.values[name] - description.means[name]) / description.stds[name] for name in description.known]
    for unit in description.calendar:
        angle = 2 * np.pi * phase(series.times, unit)
        columns += [np.sin(angle), np.cos(angle)]
    for name in description.static:
        if name in description.categories:
            constant = [float(series.static[name] == value) for value in description.categories[name]]
        else:
            constant = [(float(series.static[name]) - description.means[name]) / description.stds[name]]
        columns += [np.full(series.rows, value) for value in constant]
    return np.stack(columns, axis=1) if columns else np.empty((series.rows, 0))
