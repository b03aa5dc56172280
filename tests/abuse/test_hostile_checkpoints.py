"""A checkpoint runs nothing, imports nothing, fetches nothing and resolves nothing, on any road that reads one."""

from __future__ import annotations

import argparse
import collections
import os
import zipfile
from argparse import Namespace
from pathlib import Path

import hostile
import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils, hub_utils
from fairseq.data.fasta_dataset import FastaDataset
from kit import EVAL_LM, GENERATE, INTERACTIVE, TRAIN, VALIDATE, Kit

from s2s_plugins.errors import UsageError

ROADS = {
    "s2s predict": "s2s predict {bad}",
    "s2s predict --data": "s2s predict {bad} --data {data}",
    "s2s attention": "s2s attention {bad} --data {data} --out {out}",
    "s2s classify": "s2s classify {bad}",
    "s2s average": "s2s average {bad} {bad} --output {out}",
    "fairseq-generate": GENERATE.replace("{peek}", "{bad}"),
    "fairseq-interactive": INTERACTIVE.replace("{peek}", "{bad}"),
    "fairseq-validate": VALIDATE.replace("{peek}", "{bad}"),
    "fairseq-eval-lm": EVAL_LM.replace("{lm}", "{bad}"),
    "fairseq-train": TRAIN + "--restore-file {bad}",
}
FEW = ("s2s predict", "s2s average", "fairseq-generate", "fairseq-train")
# the settings of an architecture that fairseq evaluates, in a checkpoint of that architecture
EVALUATED = [
    ("lstm", "decoder_attention"),
    ("fconv", "encoder_layers"),
    ("fconv", "decoder_layers"),
    ("fconv", "decoder_attention"),
]
# a checkpoint of ours, which carries its dictionaries, made to ask for another architecture
PRETENDED = [
    ("lstm", "decoder_attention"),
    ("fconv", "encoder_layers"),
    ("fconv", "decoder_layers"),
    ("fconv", "decoder_attention"),
    ("fconv_self_att", "pretrained"),
    ("fconv_lm", "decoder_layers"),
    ("lightconv_lm", "character_filters"),
    ("wav2vec", "conv_feature_layers"),
    ("transformer", "adaptive_softmax_cutoff"),
]


@pytest.fixture
def ran(tmp_path) -> Path:
    """A file that exists once something of a checkpoint was run."""
    return tmp_path / "PWNED"


def payload(ran: Path) -> str:
    return f"__import__('pathlib').Path({str(ran)!r}).touch() or True"


def words(kit: Kit, command: str, bad: Path, out: Path) -> list:
    return [word.format(**{**kit.paths, "bad": bad, "out": out}) for word in command.split()]


def nothing_ran_on_any_road(kit: Kit, bad: Path, ran: Path, refused: bool = False, env=None, roads=FEW) -> None:
    for road, command in ((road, ROADS[road]) for road in roads):
        folder = kit.folder / "roads" / f"{kit.count}"
        folder.mkdir(parents=True)
        kit.count += 1
        result = kit.commands(*words(kit, command, bad, folder / "out"), cwd=folder, stdin="1 2\n", env=env, code=None)
        assert not ran.exists(), road
        assert result.code in ((2,) if refused else (0, 2)) and "Traceback" not in result.err, (road, result.err)
        assert result.code == 0 or str(bad) in result.err, (road, result.err)


@pytest.mark.parametrize("base, name", EVALUATED)
def test_settings_that_fairseq_evaluates_are_values(kit, tmp_path, ran, base, name):
    bad = hostile.changed(
        kit.path(base), tmp_path / "evil.pt", hostile.set_field("model", name, payload(ran) + " == 0")
    )
    nothing_ran_on_any_road(kit, bad, ran, roads=ROADS)
    # the setting is read and refused, not passed over
    assert "it holds code" in kit.commands(*f"s2s predict {bad} --data {kit.paths['data']}".split(), code=2).err


@pytest.mark.parametrize(
    "form, arch, name", [*(("settings", *one) for one in PRETENDED), *(("flags", *one) for one in PRETENDED[:3])]
)
def test_a_checkpoint_that_changes_its_architecture_runs_nothing(kit, tmp_path, ran, form, arch, name):
    def change(state: dict):
        model = Namespace(**{**state["cfg"]["model"], "_name": arch, "arch": arch, name: payload(ran)})
        if form == "settings":
            state["cfg"]["model"] = model
            return
        flags = {**state["cfg"]["common"], **state["cfg"]["task"], **vars(model)}
        state["args"], state["cfg"] = Namespace(**flags, task="translation", criterion="cross_entropy"), None

    bad = hostile.changed(kit.path("peek"), tmp_path / "evil.pt", change)
    for command in (ROADS["s2s predict"], ROADS["s2s predict --data"], ROADS["fairseq-generate"]):
        result = kit.commands(*words(kit, command, bad, tmp_path / "out"), cwd=tmp_path, stdin="1 2\n", code=None)
        assert not ran.exists() and result.code in (0, 2) and "Traceback" not in result.err, result.err


@pytest.mark.parametrize("forced", ["0", "1"])
def test_code_in_a_pickle_is_refused(kit, tmp_path, ran, forced):
    state = hostile.load(kit.path("peek"))
    state["extra_state"]["payload"] = hostile.Payload(f"touch {ran}")
    bad = hostile.save(state, tmp_path / "evil.pt")
    nothing_ran_on_any_road(kit, bad, ran, refused=True, env={"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": forced}, roads=ROADS)


def test_code_in_a_pickle_of_the_form_before_archives_is_refused(kit, tmp_path, ran):
    bad = tmp_path / "evil.pt"
    torch.save({"model": hostile.Payload(f"touch {ran}")}, bad, _use_new_zipfile_serialization=False)
    nothing_ran_on_any_road(kit, bad, ran, refused=True, env={"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"})


def test_fairseq_reads_every_file_safely_and_others_as_they_ask(tmp_path, ran, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    bad = hostile.save({"ema": hostile.Payload(f"touch {ran}")}, tmp_path / "evil.pt")
    with pytest.raises(UsageError, match="is refused, nothing in it was run"):
        checkpoint_utils.load_ema_from_checkpoint(str(bad))
    assert not ran.exists()
    torch.load(bad)  # a program of the user's own, which asked for it
    assert ran.exists()


def test_an_interpolation_is_not_resolved(kit, tmp_path, ran):
    secret = {"SECRET": "hunter2"}
    for place in (("common", "wandb_project"), ("task", "data"), ("model", "bridge")):
        bad = hostile.changed(kit.path("peek"), tmp_path / "evil.pt", hostile.set_field(*place, "${oc.env:SECRET}"))
        nothing_ran_on_any_road(kit, bad, ran, refused=True, env=secret)
    out = tmp_path / "average.pt"
    result = kit.commands("s2s", "average", bad, bad, "--output", out, env=secret, code=2)
    assert not out.exists() and "hunter2" not in result.err and "oc.env:SECRET" in result.err


def test_an_interpolation_in_old_flags_is_not_resolved(kit, tmp_path, ran):
    def change(state: dict):
        flags = {**state["cfg"]["task"], **state["cfg"]["model"], "task": "translation", "arch": "peek_lstm"}
        state["args"], state["cfg"] = Namespace(**flags, wandb_project="${oc.env:SECRET}"), None

    bad = hostile.changed(kit.path("peek"), tmp_path / "evil.pt", change)
    nothing_ran_on_any_road(kit, bad, ran, refused=True, env={"SECRET": "hunter2"})


def test_an_interpolation_in_the_name_of_a_setting_is_refused(kit, tmp_path, ran):
    bad = hostile.changed(
        kit.path("peek"), tmp_path / "evil.pt", lambda state: state["cfg"]["common"].update({"${oc.env:SECRET}": 3})
    )
    nothing_ran_on_any_road(kit, bad, ran, refused=True, env={"SECRET": "hunter2"})


def test_a_record_that_unpacks_to_more_is_refused_before_it_does(kit, tmp_path, ran):
    bad = tmp_path / "bomb.pt"
    with zipfile.ZipFile(kit.path("peek")) as sound, zipfile.ZipFile(bad, "w") as written:
        for record in sound.infolist():
            written.writestr(record.filename, sound.read(record))
        name = sound.infolist()[0].filename.split("/")[0]
        with written.open(zipfile.ZipInfo(f"{name}/data/999"), "w", force_zip64=True) as bomb:
            bomb._zinfo.compress_type = zipfile.ZIP_DEFLATED
            bomb._compressor = __import__("zlib").compressobj(9, 8, -15)
            for _ in range(1500):
                bomb.write(bytes(1 << 20))
    assert bad.stat().st_size < 3 << 20
    nothing_ran_on_any_road(kit, bad, ran, refused=True)


def test_an_archive_that_can_be_read_in_two_ways_is_refused(kit, tmp_path, ran):
    def flipped(name: str, content: bytes) -> bytes:
        return bytes(byte ^ 4 for byte in content) if "/data/" in name else content

    bad = hostile.with_two_tables(kit.path("peek"), tmp_path / "evil.pt", flipped)
    with zipfile.ZipFile(bad) as archive:
        assert archive.testzip() is None  # Python's own check finds nothing
    nothing_ran_on_any_road(kit, bad, ran, refused=True)


class Calls:
    """Calls a function of numpy's when it is unpickled."""

    def __init__(self, *arguments) -> None:
        self.arguments = arguments

    def __reduce__(self):
        return np.ndarray, self.arguments


def object_array(text: str) -> np.ndarray:
    array = np.empty((), dtype=object)
    array[()] = text
    return array


def with_attributes(value, **attributes):
    vars(value).update(attributes)
    return value


URLS = {"bpe": "gpt2", "gpt2_encoder_json": "https://evil.example/a", "gpt2_vocab_bpe": "https://evil.example/b"}
NOT_PLAIN = {
    "an array over any address": ("extra_state", lambda: Calls((1,), np.dtype("O"), b"A" * 8)),
    "an array made by numpy's class": ("extra_state", lambda: Calls((1,), np.dtype("f8"), b"A" * 8)),
    "an array of objects": ("cfg", lambda: object_array("${oc.env:SECRET}")),
    "an array of numbers among the settings": ("cfg", lambda: np.arange(3)),
    "a dictionary with attributes": ("cfg", lambda: with_attributes(collections.OrderedDict(), **URLS)),
    "a tensor with attributes": ("cfg", lambda: with_attributes(torch.nn.Parameter(torch.zeros(1)), **URLS)),
    "a tensor among the settings": ("cfg", lambda: torch.zeros(1)),
    "bytes among the settings": ("cfg", lambda: b"${oc.env:SECRET}"),
    "a set among the settings": ("cfg", lambda: {"a"}),
}


@pytest.mark.parametrize("form", ["settings", "flags"])
@pytest.mark.parametrize("what", NOT_PLAIN)
def test_what_is_no_plain_value_is_refused(kit, tmp_path, ran, what, form):
    place, value = NOT_PLAIN[what]

    def change(state: dict) -> None:
        if place == "extra_state":
            state["extra_state"]["more"] = value()
        elif form == "settings":
            state["cfg"]["bpe"] = value()
        else:
            flags = {**state["cfg"]["task"], **state["cfg"]["model"], "task": "translation", "arch": "peek_lstm"}
            state["args"], state["cfg"] = Namespace(**flags, wandb_project=value()), None

    bad = hostile.changed(kit.path("peek"), tmp_path / "evil.pt", change)
    nothing_ran_on_any_road(
        kit, bad, ran, refused=True, env={"SECRET": "hunter2"}, roads=("s2s predict", "s2s average")
    )


def test_numbers_of_numpy_are_read_as_they_were(kit, tmp_path):
    numbers = {
        "counts": np.arange(6.0).reshape(2, 3),
        "columns": (np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),),
        "big end": [np.array([1, 2], dtype=">i4")],
        "one": np.float32(1.5),
        "flags": {"yes": np.array([True, False]), "none": np.zeros((0, 3))},
    }
    path = hostile.changed(
        kit.path("peek"), tmp_path / "sound.pt", lambda state: state["extra_state"].update(numbers=numbers)
    )
    found = checkpoint_utils.load_checkpoint_to_cpu(str(path))["extra_state"]["numbers"]
    assert found["one"] == 1.5 and type(found["one"]) is np.float32
    for name, expected, read in (
        ("counts", numbers["counts"], found["counts"]),
        ("columns", numbers["columns"][0], found["columns"][0]),
        ("big end", numbers["big end"][0], found["big end"][0]),
        *((name, numbers["flags"][name], found["flags"][name]) for name in ("yes", "none")),
    ):
        assert read.dtype == expected.dtype and np.array_equal(read, expected) and read.shape == expected.shape, name


TAMPERED = [
    *(("train_iterator", {"epoch": value, "iterations_in_epoch": 0}) for value in ("x", -5, 10**30)),
    *(("train_iterator", {"epoch": 1, "iterations_in_epoch": value, "version": 2}) for value in ("x", 10**9)),
    *((name, "x") for name in ("best", "previous_training_time", "validations_without_gain", "train_iterator")),
    ("validations_without_gain", {"best": "x", "num_runs": 1}),
]


@pytest.mark.parametrize("name, value", TAMPERED, ids=str)
def test_the_state_of_a_training_that_was_tampered_with_is_named(kit, tmp_path, name, value):
    bad = hostile.changed(
        kit.path("peek"), tmp_path / "bad.pt", lambda state: state["extra_state"].update({name: value})
    )
    result = kit.commands(*words(kit, ROADS["fairseq-train"], bad, tmp_path / "out"), cwd=tmp_path, code=2)
    assert str(bad) in result.err and "Traceback" not in result.err


def test_an_optimizer_with_text_for_numbers_is_named(kit, tmp_path):
    def change(state: dict) -> None:
        state["last_optimizer_state"]["param_groups"][0]["betas"] = "text"

    bad = hostile.changed(kit.path("peek"), tmp_path / "bad.pt", change)
    result = kit.commands(*words(kit, ROADS["fairseq-train"], bad, tmp_path / "out"), cwd=tmp_path, code=2)
    assert f"checkpoint {bad} is damaged: its optimizer's betas is 'text'" in result.err


@pytest.mark.parametrize("road, base", [("s2s predict", "peek"), ("s2s classify", "classifier")])
def test_finite_weights_whose_answers_are_not_are_named(kit, tmp_path, road, base):
    def change(state: dict) -> None:
        for name, weight in state["model"].items():
            if not name.endswith("symbols"):
                state["model"][name] = torch.where(torch.arange(weight.numel()).view_as(weight) % 2 == 0, 3e38, -3e38)

    bad = hostile.changed(kit.path(base), tmp_path / "bad.pt", change)
    result = kit.commands(*words(kit, ROADS[road], bad, tmp_path / "out"), stdin="1 2\n", code=2)
    assert str(bad) in result.err and "not finite" in result.err and result.out == ""


@pytest.mark.parametrize("label", ["two\nlines", 7, "\ud800", ""])
def test_a_label_that_is_no_line_of_text_is_named(kit, tmp_path, label):
    def change(state: dict) -> None:
        state["task_state"]["labels"][0] = label

    bad = hostile.changed(kit.path("classifier"), tmp_path / "bad.pt", change)
    result = kit.commands("s2s", "classify", bad, "--json", stdin="good\n", code=2)
    assert str(bad) in result.err and "is not a line of text" in result.err


def test_statistics_of_an_unknown_kind_are_refused(kit, tmp_path, ran):
    def change(state: dict):
        state["extra_state"]["train_iterator"]["iterations_in_epoch"] = 1
        state["extra_state"]["metrics"] = {"train": [(1, "loss", "deepcopy", {})]}

    bad = hostile.changed(kit.path("peek"), tmp_path / "evil.pt", change)
    words = [
        word.format(**{**kit.paths, "bad": bad, "out": tmp_path / "out"}) for word in ROADS["fairseq-train"].split()
    ]
    result = kit.commands(*words, cwd=tmp_path, code=2)
    assert "statistics of an unknown kind, deepcopy: use --reset-meters" in result.err


def test_programs_that_a_checkpoint_names_are_left_out(kit, tmp_path):
    bad = hostile.changed(
        kit.path("peek"), tmp_path / "evil.pt", hostile.set_field("task", "post_save_script", "touch PWNED")
    )
    hostile.changed(bad, bad, hostile.set_field("common", "use_plasma_view", True))
    state = checkpoint_utils.load_checkpoint_to_cpu(str(bad))
    assert state["cfg"].task.post_save_script is None and state["cfg"].common.use_plasma_view is False


def hub(bad: Path, kit: Kit, **overrides):
    return hub_utils.from_pretrained(str(bad.parent), bad.name, str(kit.paths["data"]), **overrides)


def parts(found: dict) -> dict:
    return {"cfg": found["args"], "task": found["task"], "models": found["models"]}


@pytest.mark.parametrize(
    "settings",
    [
        {"_name": "gpt2", "gpt2_encoder_json": "https://evil.example/a", "gpt2_vocab_bpe": "https://evil.example/b"},
        {"_name": "gpt2"},
        {"_name": "sentencepiece", "sentencepiece_model": "https://evil.example/c"},
        {"_name": "bert", "bpe_cased": False, "bpe_vocab_file": None},
        {"_name": "bert", "bpe_cased": False, "bpe_vocab_file": "somebody/evil"},
    ],
    ids=str,
)
def test_a_model_from_the_hub_interface_fetches_nothing(kit, tmp_path, monkeypatch, settings):
    from fairseq import file_utils

    asked = []
    monkeypatch.setattr(file_utils, "get_from_cache", lambda url, *rest: asked.append(url))
    bad = hostile.changed(kit.path("peek"), tmp_path / "evil.pt", lambda state: state["cfg"].update(bpe=settings))
    found = hub(bad, kit)
    interface = hub_utils.GeneratorHubInterface(**parts(found))
    assert interface.bpe is None and asked == []
    assert interface.translate("1 2", beam=1) is not None


def test_a_subword_model_in_a_file_is_still_used_and_one_that_the_caller_names_too(kit, tmp_path):
    settings = {"_name": "characters"}
    sound = hostile.changed(kit.path("peek"), tmp_path / "c.pt", lambda state: state["cfg"].update(bpe=settings))
    assert hub(sound, kit)["args"].bpe._name == "characters"
    assert hub_utils.GeneratorHubInterface(**parts(hub(kit.path("peek"), kit, bpe="characters"))).bpe is not None


def test_the_hub_interface_evaluates_nothing(kit, tmp_path, ran):
    bad = hostile.changed(
        kit.path("lstm"), tmp_path / "e.pt", hostile.set_field("model", "decoder_attention", payload(ran))
    )
    with pytest.raises(UsageError, match="is not evaluated, it holds code"):
        hub(bad, kit)
    assert not ran.exists()


def test_proteins_are_indexed_without_a_shell(tmp_path, ran):
    folder = tmp_path / f"$(touch {ran.name})"
    folder.mkdir()
    (folder / "train.fasta").write_text(">one\nACGT\nAC\n>two\n>three\nA\n")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        dataset = FastaDataset(str(folder / "train"))
    finally:
        os.chdir(before)
    assert not ran.exists()
    assert dataset.sizes.tolist() == [6, 0, 1] and dataset[0] == (">one", "ACGTAC") and dataset[2] == (">three", "A")


def test_settings_that_hold_themselves_many_times_end_at_once(kit, tmp_path, ran):
    def change(state: dict):
        state["args"] = argparse.Namespace(task="translation", data=hostile.many_times_itself())

    nothing_ran_on_any_road(kit, hostile.changed(kit.path("peek"), tmp_path / "evil.pt", change), ran, refused=True)


@pytest.mark.soak
def test_a_comparison_that_resumes_from_a_hostile_checkpoint_runs_nothing(kit, tmp_path, ran):
    compare = ("s2s", "compare", kit.paths["data"], "--archs", "lstm", "--updates", 2, "--out", tmp_path / "c", "--")
    sizes = ("--encoder-embed-dim", 16, "--encoder-hidden-size", 16, "--decoder-embed-dim", 16)
    sizes += ("--decoder-hidden-size", 16, "--decoder-out-embed-dim", 16)
    kit.commands(*compare, *sizes)
    folder = tmp_path / "c" / "train" / "lstm-seed1"
    checkpoints = list(folder.glob("*.pt"))
    assert checkpoints
    for path in checkpoints:
        hostile.changed(path, path, hostile.set_field("model", "decoder_attention", payload(ran)))
    for state in (tmp_path / "c" / "state").glob("*.json"):
        if "train" not in state.name:
            state.unlink()
    (tmp_path / "c" / "attention" / "lstm.json").unlink(missing_ok=True)
    result = kit.commands(*compare, *sizes, code=None)
    assert not ran.exists() and result.code in (1, 2) and "Traceback" not in result.err
