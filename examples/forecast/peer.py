"""The LSTM of neuralforecast, as large and trained on as many windows, from the same origins.

This runs in an environment of its own, which has neuralforecast and not this project:

    python -m venv PEER && PEER/bin/pip install torch==2.13.0 neuralforecast==3.3.0

The targets are series of one model; gaps are filled with the value before.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

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
    add("--lr", type=float, required=True)
    add("--dropout", type=float, required=True)
    return parser.parse_args()


def long_form(values: pd.DataFrame) -> pd.DataFrame:
    """A column a target -> a row a value, as neuralforecast reads it."""
    found = values.rename_axis("ds").reset_index().melt("ds", var_name="unique_id", value_name="y")
    return found[["unique_id", "ds", "y"]]


def trained(args: argparse.Namespace, training: pd.DataFrame, valid: int):
    """A model of the training rows; ``valid`` rows at their end say when to stop."""
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss
    from neuralforecast.models import LSTM

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
        batch_size=training.shape[1],
        windows_batch_size=args.batch_size,
        val_check_steps=100,
        early_stop_patience_steps=5,
        scaler_type="standard",
        random_seed=args.seed,
        accelerator="cpu",
        enable_progress_bar=False,
        logger=False,
        enable_checkpointing=False,
    )
    forecaster = NeuralForecast(models=[model], freq=args.step)
    forecaster.fit(long_form(training), val_size=valid)
    return forecaster


def main() -> int:
    args = parse()
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
    read = pd.read_csv(args.table, index_col=args.time, parse_dates=[args.time]).asfreq(args.step)
    targets = read[args.target.split(",")]
    filled = targets.ffill().bfill()
    valid, test = read.index.searchsorted(pd.to_datetime([args.valid_from, args.test_from]))
    forecaster = trained(args, filled.iloc[:test], int(test - valid))
    observed = targets.notna().all(axis=1).to_numpy()
    last = len(read) - args.output_length + 1
    origins = np.array([row for row in range(int(test), last, args.stride) if observed[row - 1]])
    parts = []
    for row in origins:  # a series for each origin and target: its last rows
        rows = long_form(filled.iloc[row - args.input_length : row])
        parts.append(rows.assign(unique_id=[f"{row:09d} {filled.columns.get_loc(name)}" for name in rows["unique_id"]]))
    found = forecaster.predict(df=pd.concat(parts)).sort_values(["unique_id", "ds"])
    columns = [name for name in found.columns if name.startswith("LSTM")]
    if len(columns) != len(LEVELS):
        sys.exit(f"error: expected {len(LEVELS)} quantiles, found {', '.join(columns)}")
    shape = (len(origins), targets.shape[1], args.output_length, len(LEVELS))
    quantiles = np.sort(found[columns].to_numpy().reshape(shape).swapaxes(1, 2), axis=-1)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    partial = args.output.with_suffix(".partial.npz")
    np.savez_compressed(partial, origins=origins, quantiles=quantiles.astype(np.float32))
    partial.replace(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
