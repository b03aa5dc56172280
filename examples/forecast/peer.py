"""The LSTM of neuralforecast, as large and trained on as many windows, from the same origins.

This runs in an environment of its own, which has neuralforecast and not this project:

    python -m venv PEER && PEER/bin/pip install torch==2.13.0 neuralforecast==3.3.0

The targets are series of one model; gaps are filled with the value before. It reads the same covariates. Columns are
standardised by the training part: its own scaling by windows divides a month's sine by its deviation in the window, 0.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Sequence

import numpy as np
import pandas as pd
from neuralforecast import NeuralForecast  # type: ignore[import-not-found]
from neuralforecast.losses.pytorch import MQLoss  # type: ignore[import-not-found]
from neuralforecast.models import LSTM  # type: ignore[import-not-found]

LEVELS = (0.1, 0.5, 0.9)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("table", type=Path, help="CSV file")
    add("output", type=Path, help=".npz with the forecasts")
    for flag in ("--time", "--step", "--target", "--valid-from", "--test-from"):
        add(flag, required=True)
    for flag in ("--input-length", "--output-length", "--stride", "--seed", "--hidden", "--updates", "--batch-size"):
        add(flag, type=int, required=True)
    add("--past", default="")
    add("--calendar", default="")
    add("--lr", type=float, required=True)
    add("--dropout", type=float, required=True)
    return parser.parse_args()


def phases(times: pd.DatetimeIndex, names: str) -> pd.DataFrame:
    """Sine and cosine of each unit of time."""
    whole = {"hour": 24, "weekday": 7, "month": 12, "dayofyear": 366}
    found = {}
    for name in filter(None, names.split(",")):
        angle = 2 * np.pi * getattr(times, name) / whole[name]
        found.update({f"sin_{name}": np.sin(angle), f"cos_{name}": np.cos(angle)})
    return pd.DataFrame(found, index=times)


def long_form(table: pd.DataFrame, targets: Sequence[str], prefix: str = "") -> pd.DataFrame:
    """A column a target -> a row a value, as neuralforecast reads it; the other columns stand beside."""
    rest = table.drop(columns=list(targets))
    parts = [rest.assign(y=table[name], unique_id=f"{prefix}{place}") for place, name in enumerate(targets)]
    return pd.concat(parts).rename_axis("ds").reset_index()


def trained(
    args: argparse.Namespace, training: pd.DataFrame, targets: Sequence[str], future: Sequence[str], valid: int
):
    """A model of the training rows; ``valid`` rows at their end say when to stop."""
    model = LSTM(
        h=args.output_length,
        input_size=args.input_length,
        loss=MQLoss(quantiles=list(LEVELS)),
        encoder_hidden_size=args.hidden,
        encoder_n_layers=1,
        encoder_dropout=args.dropout,
        decoder_hidden_size=args.hidden,
        max_steps=args.updates,
        learning_rate=args.lr,
        batch_size=len(targets),
        futr_exog_list=list(future) or None,
        hist_exog_list=[name for name in args.past.split(",") if name] or None,
        windows_batch_size=args.batch_size,
        val_check_steps=100,
        early_stop_patience_steps=5,
        scaler_type="identity",
        random_seed=args.seed,
        accelerator="cpu",
        enable_progress_bar=False,
        logger=False,
        enable_checkpointing=False,
    )
    forecaster = NeuralForecast(models=[model], freq=args.step)
    forecaster.fit(long_form(training, targets), val_size=valid)
    return forecaster


def main() -> int:
    args = parse()
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
    read = pd.read_csv(args.table, index_col=args.time, parse_dates=[args.time]).asfreq(args.step)
    targets, past = args.target.split(","), [name for name in args.past.split(",") if name]
    calendar = phases(read.index, args.calendar)
    table = pd.concat([read[[*targets, *past]].ffill().bfill(), calendar], axis=1)
    valid, test = read.index.searchsorted(pd.to_datetime([args.valid_from, args.test_from]))
    columns = [*targets, *past]
    means, stds = table[columns].iloc[:valid].mean(), table[columns].iloc[:valid].std()
    table[columns] = (table[columns] - means) / stds
    forecaster = trained(args, table.iloc[:test], targets, calendar.columns, int(test - valid))
    observed = read[targets].notna().all(axis=1).to_numpy()
    last = len(read) - args.output_length + 1
    origins = np.array([row for row in range(int(test), last, args.stride) if observed[row - 1]])
    before, behind = [], []
    for row in origins:  # a series for each origin and target: its last rows, and the calendar of what follows
        before.append(long_form(table.iloc[row - args.input_length : row], targets, f"{row:09d} "))
        follows = table.iloc[row : row + args.output_length].drop(columns=past)
        behind.append(long_form(follows, targets, f"{row:09d} ").drop(columns="y"))
    found = forecaster.predict(df=pd.concat(before), futr_df=pd.concat(behind)).sort_values(["unique_id", "ds"])
    columns = [name for name in found.columns if name.startswith("LSTM")]
    if len(columns) != len(LEVELS):
        sys.exit(f"error: expected {len(LEVELS)} quantiles, found {', '.join(columns)}")
    shape = (len(origins), len(targets), args.output_length, len(LEVELS))
    location, scale = (values[targets].to_numpy()[:, None] for values in (means, stds))  # (K, 1)
    quantiles = scale * np.sort(found[columns].to_numpy().reshape(shape).swapaxes(1, 2), axis=-1) + location
    args.output.parent.mkdir(parents=True, exist_ok=True)
    partial = args.output.with_suffix(".partial.npz")
    np.savez_compressed(partial, origins=origins, quantiles=quantiles.astype(np.float32))
    partial.replace(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
