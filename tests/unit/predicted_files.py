"""Files for ``s2s predict --input``, and what it makes of them."""

import json
import random

import pandas as pd
import pyarrow.parquet as pq
from onnx_models import TOKENS
from web_tools import LETTERS, letters_model

from s2s_plugins.cli.main import main

LONG = "a" * 50  # more than the model takes


def spelling_model(folder):
    """A random model that spells words."""
    path = folder / "letters.safetensors"
    letters_model([TOKENS["basic"]]).write(path)
    return path


def words(count, seed=1):
    draw = random.Random(seed)
    return ["".join(draw.choices(LETTERS, k=draw.randint(1, 12))) for _ in range(count)]


def predict(*arguments):
    """The exit code of ``s2s predict``."""
    try:
        return main(["predict", *map(str, arguments)])
    except SystemExit as ended:
        return ended.code


def files_in(folder):
    """The content of all files, by their names."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def errors_in(out):
    return [json.loads(line) for path in sorted((out / "errors").rglob("*.jsonl")) for line in path.open()]


def read_rows(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.open()]
    return pd.read_csv(path, sep="\t", keep_default_na=False).to_dict("records")
