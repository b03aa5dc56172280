"""How forecasters are trained: the one table that ``s2s train`` and the examples read.

One recipe for every set and architecture, chosen on validation parts: ``docs/results/forecast.md``.
"""

from __future__ import annotations

from dataclasses import replace

from s2s_plugins.training.recipes import Flags, Recipe

LEVELS = (0.1, 0.5, 0.9)  # quantiles that are forecast: the interval of 80 %, and the median, which MASE scores
FORECASTER: Flags = {
    "--task": "sequence_regression",
    "--criterion": "sequence_regression",
    "--loss": "quantile",
    "--quantiles": ",".join(map(str, LEVELS)),
    "--encoder-embed-dim": 32,
    "--encoder-hidden-size": 64,
    "--decoder-hidden-size": 64,
    "--dropout": 0.3,
    "--scheduled-sampling": 1,  # in training too, a decoder reads its own outputs
    "--optimizer": "adam",
    "--lr": 0.003,
    "--clip-norm": 1,
    "--batch-size": 64,
}
WARMUP = 50  # updates
# scores by a product, after the step (Luong et al. 2015): faster than the default
LUONG: Flags = {"--attention": "general", "--attention-timing": "after"}
# of few windows, which a model soon knows by heart; of more; of many
FEW_UPDATES, UPDATES, MANY_UPDATES = 200, 600, 1500
FEW_WINDOWS, MANY_WINDOWS = 1000, 10_000
FORECAST = Recipe(
    "forecast",
    "series of numbers",
    {**FORECASTER, **LUONG, "--arch": "attention_lstm"},
    updates=UPDATES,
    warmup=WARMUP,
)


def recipe_for(windows: int) -> Recipe:
    """The recipe for so many windows to train on."""
    if windows < FEW_WINDOWS:
        return replace(FORECAST, reason=f"under {FEW_WINDOWS:,} windows", updates=FEW_UPDATES)
    if windows > MANY_WINDOWS:
        return replace(FORECAST, reason=f"over {MANY_WINDOWS:,} windows", updates=MANY_UPDATES)
    return FORECAST
