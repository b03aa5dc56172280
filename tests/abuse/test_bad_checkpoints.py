"""Whatever is given as a checkpoint, on every road that reads one: one line that names it, no traceback."""

import shutil

import hostile
import pytest
from kit import GENERATE, INTERACTIVE, TRAIN, VALIDATE, Row

DAMAGED = [
    *("missing", "empty", "text", "binary", "cut-10", "cut-half", "cut-end", "folder", "zip", "torchscript", "pickle"),
    *("bare", "nothing", "list", "tensor", "number", "none", "keys", "flipped", "compressed", "nan", "inf", "no-model"),
    *("no-settings", "no-model-settings", "no-task", "no-weight", "settings-are-text", "settings-are-a-list"),
    *("model-is-a-list", "weight-is-text", "weight-is-small", "weight-is-huge", "weight-is-integer", "size-is-text"),
    *("size-is-negative", "size-is-huge", "size-is-none", "dropout-is-7", "unknown-architecture", "unknown-task"),
    *("positions-are-text", "interpolation", "laughing", "circular", "symbols-are-noise", "symbols-are-nan"),
]
# what fits whoever brings a task and an architecture of its own
OWN_SETTINGS = {"no-task", "unknown-task", "positions-are-text"}
OWN_MODEL = {name for name in DAMAGED if name.startswith(("size-", "dropout-", "unknown-", "no-model-settings"))}
ROADS = {
    "s2s predict": "s2s predict {bad}",
    "s2s predict --data": "s2s predict {bad} --data {data}",
    "s2s predict, an ensemble": "s2s predict {peek} {bad}",
    "s2s attention": "s2s attention {bad} --out {out}",
    "s2s classify": "s2s classify {bad}",
    "s2s average": "s2s average {bad} {bad} --output {out}",
    "fairseq-generate": GENERATE.replace("{peek}", "{bad}"),
    "fairseq-interactive": INTERACTIVE.replace("{peek}", "{bad}"),
    "fairseq-validate": VALIDATE.replace("{peek}", "{bad}"),
    "fairseq-train --restore-file": TRAIN + "--restore-file {bad}",
    "fairseq-train --finetune-from-model": TRAIN + "--finetune-from-model {bad}",
}
TRAINS = ("fairseq-train --restore-file", "fairseq-train --finetune-from-model")
# a model is not built, or not from these settings
HARMLESS = {
    "s2s average": OWN_SETTINGS
    | OWN_MODEL
    | {"no-weight", "weight-is-small", "weight-is-integer", "symbols-are-noise"},
    **{road: OWN_SETTINGS | OWN_MODEL for road in TRAINS},
    **{road: {"size-is-none"} for road in ROADS if road.startswith("s2s p")},
    "fairseq-validate": {"positions-are-text", "size-is-none"},
    **{road: OWN_SETTINGS | {"size-is-none"} for road in ("fairseq-generate", "fairseq-interactive")},
}


# all on one road, each road with a quarter; the rest is for make soak
ROWS = [(road, wrong) for road in ROADS for wrong in DAMAGED]
FIRST = [row for number, row in enumerate(ROWS) if row[0] == "s2s predict" or number % 4 == 0]


@pytest.fixture(scope="module")
def damaged(kit):
    made = hostile.damaged(kit.path("peek"), kit.folder / "damaged")
    assert sorted(made) == sorted(DAMAGED)
    return made


def is_named(kit, damaged, road: str, wrong: str) -> None:
    harmless = wrong in HARMLESS.get(road, ())
    kit.paths["bad"] = damaged[wrong]
    kit.run(Row(wrong, ROADS[road], [] if harmless else ["{bad}|{data}"], (0, 2) if harmless else (2,), stdin="1 2\n"))


@pytest.mark.parametrize("road, wrong", FIRST)
def test_a_bad_checkpoint_is_named(kit, damaged, road, wrong):
    is_named(kit, damaged, road, wrong)


@pytest.mark.soak
@pytest.mark.parametrize("road, wrong", [row for row in ROWS if row not in FIRST])
def test_a_bad_checkpoint_is_named_on_every_other_road(kit, damaged, road, wrong):
    is_named(kit, damaged, road, wrong)


def test_a_checkpoint_with_a_suffix_is_found_by_the_name_without(kit, tmp_path):
    shutil.copy(kit.path("peek"), tmp_path / "model-shard.pt")
    command = GENERATE.replace("{peek}", str(tmp_path / "model.pt")).format(**kit.paths)
    result = kit.commands(*command.split(), "--checkpoint-suffix=-shard", cwd=tmp_path)
    assert len(result.lines("H")) == 13
