"""Each repair to fairseq: what it mends, tested so that it fails without the repair."""

import argparse
import os
import pickle
import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import REPOSITORY, USER_DIR, batch_of, build_model, dictionary, digit_pairs, preprocess, translation_task
from fairseq import checkpoint_utils, search, utils
from fairseq.data import data_utils
from fairseq.dataclass.configs import GenerationConfig
from fairseq.file_io import PathManager

from s2s_plugins.compat import alignment, checkpoints, commands
from s2s_plugins.compat.commands import quieten_hydra
from s2s_plugins.compat.reading import read
from s2s_plugins.errors import UsageError


class Exploit:
    """What a hostile checkpoint may hold: unpickling it runs a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_checkpoint_that_carries_code_is_refused_with_nothing_executed(commands, digits, trained, tmp_path):
    state = torch.load(trained["peek_lstm"], weights_only=True)
    touched, hostile = tmp_path / "touched", tmp_path / "hostile.pt"
    torch.save({**state, "payload": Exploit(touched)}, hostile)
    result = commands.generate(digits, "--path", hostile, code=2)
    assert "is refused, nothing in it was run: it holds posix.system" in result.err
    assert "Traceback" not in result.err and not touched.exists()
    resumed = tmp_path / "resume"
    resumed.mkdir()
    torch.save({**state, "payload": Exploit(touched)}, resumed / "checkpoint_last.pt")
    result = commands.train(digits, "peek_lstm_tiny", resumed, "--max-epoch", 9, code=2)
    assert "is refused" in result.err and not touched.exists()


def test_checkpoints_hold_plain_types_that_torch_reads_safely(tmp_path):
    state = {
        "args": argparse.Namespace(arch="lstm"),
        "numbers": [np.float64(1.5), np.float32(0.5), np.int64(3), np.int32(4), np.bool_(True)],
        "counts": np.array([3, 2, 1]),
    }
    torch.save(state, tmp_path / "state.pt")
    with open(tmp_path / "state.pt", "rb") as file:
        loaded = read(file)
    assert loaded["counts"].tolist() == [3, 2, 1]
    assert loaded["args"].arch == "lstm" and loaded["numbers"] == [1.5, 0.5, 3, 4, True]


def test_numpys_own_functions_are_open_to_no_file(tmp_path):
    torch.save({"counts": np.array([3, 2, 1])}, tmp_path / "state.pt")
    with open(tmp_path / "state.pt", "rb") as file:
        read(file)
    with pytest.raises(pickle.UnpicklingError, match="numpy"):  # reading one leaves nothing allowed behind
        torch.load(tmp_path / "state.pt", weights_only=True)
    torch.save({"args": argparse.Namespace(arch="lstm")}, tmp_path / "flags.pt")
    assert torch.load(tmp_path / "flags.pt", weights_only=True)["args"].arch == "lstm"


def test_a_class_that_fairseq_does_not_save_stays_refused(tmp_path):
    torch.save({"dictionary": SimpleNamespace(a=1)}, tmp_path / "state.pt")
    with pytest.raises(pickle.UnpicklingError, match="SimpleNamespace"):
        torch.load(tmp_path / "state.pt", weights_only=True)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 17])
@pytest.mark.parametrize("limits", [{"max_sentences": 8}, {"max_tokens": 40}, {}])
@pytest.mark.parametrize("vector", [True, False])
def test_no_sentence_is_lost_in_batches(count, limits, vector):
    sizes = np.arange(count) % 5 + 1
    indices = np.argsort(sizes, kind="stable")
    batches = data_utils.batch_by_size(
        indices,
        num_tokens_fn=lambda index: sizes[index],
        num_tokens_vec=sizes[indices].astype(np.int64) if vector else None,
        required_batch_size_multiple=8,
        **limits,
    )
    assert [index for batch in batches for index in batch] == indices.tolist()
    assert all(len(batch) <= limits.get("max_sentences", count) for batch in batches)
    assert all(len(batch) * max(sizes[batch]) <= limits.get("max_tokens", 10**9) for batch in batches)


def test_an_empty_set_has_no_batches():
    assert data_utils.batch_by_size([], num_tokens_fn=len, required_batch_size_multiple=8) == []


def test_hydras_deprecations_are_quiet_and_other_warnings_are_not(commands, digits):
    flags = ("--max-epoch", 1, "--no-save")
    quiet = commands.train(digits, "peek_lstm_tiny", "unused", *flags)
    assert "hydra" not in quiet.err.lower() and "ConfigStore" not in quiet.err
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        quieten_hydra()
        warnings.warn("hydra.experimental.compose() is no longer experimental. Use hydra.compose()", stacklevel=1)
        warnings.warn("the weather is bad", stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["the weather is bad"]


def test_a_second_copy_of_the_package_is_named_with_the_first(commands, digits, tmp_path):
    import shutil

    copy = tmp_path / "s2s_plugins"
    shutil.copytree(USER_DIR, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.raises(UsageError) as raised:
        utils.import_user_module(argparse.Namespace(user_dir=str(copy)))
    assert str(copy.resolve()) in str(raised.value) and USER_DIR in str(raised.value)
    # in a fresh process the copy is the package
    flags = ("--optimizer", "adam", "--max-epoch", 1, "--max-tokens", 400, "--no-save", "--save-dir", tmp_path)
    commands("fairseq-train", digits, "--user-dir", copy, "--arch", "peek_lstm_tiny", *flags)


def test_a_user_dir_that_is_imported_already_is_accepted(tmp_path):
    link = tmp_path / "elsewhere"
    link.symlink_to(USER_DIR)
    for user_dir in (USER_DIR, USER_DIR + "/", os.path.relpath(USER_DIR), str(link)):
        utils.import_user_module(argparse.Namespace(user_dir=user_dir))
    assert commands.PACKAGE_FOLDER == os.path.realpath(USER_DIR)


def test_importing_twice_registers_once():
    import importlib

    import s2s_plugins

    before = data_utils.batch_by_size
    importlib.reload(s2s_plugins)
    s2s_plugins.register()
    assert data_utils.batch_by_size is before


def test_a_package_under_another_name_says_so(tmp_path):
    import subprocess
    import sys

    (tmp_path / "plugins").symlink_to(USER_DIR)
    done = subprocess.run([sys.executable, "-c", "import plugins"], cwd=tmp_path, capture_output=True, text=True)
    assert "this package is called plugins, its modules know it as s2s_plugins: rename it" in done.stderr


def test_without_fairseq_registering_says_what_to_install(tmp_path):
    import subprocess
    import sys

    hide = (
        "import sys, importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'fairseq' else real(name, *rest)\n"
        "import s2s_plugins; s2s_plugins.register()"
    )
    done = subprocess.run([sys.executable, "-c", hide], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 's2s-plugins[train]'" in done.stderr


def test_copying_a_checkpoint_leaves_the_old_one_until_the_new_one_is_whole(tmp_path, monkeypatch):
    new, old = tmp_path / "checkpoint_best.pt", tmp_path / "checkpoint_last.pt"
    new.write_text("new")
    old.write_text("old")

    def die_half_way(source, target):
        with open(target, "w") as file:
            file.write("n")
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copyfile", die_half_way)
    with pytest.raises(KeyboardInterrupt):
        PathManager.copy(str(new), str(old), overwrite=True)
    assert old.read_text() == "old" and sorted(os.listdir(tmp_path)) == [new.name, old.name]
    monkeypatch.undo()
    assert PathManager.copy(str(new), str(old), overwrite=True)
    assert old.read_text() == "new"


def test_a_model_is_told_that_it_is_rebuilt_from_a_checkpoint():
    task = translation_task(dictionary(), dictionary())
    missing = argparse.Namespace(arch="peek_lstm_tiny", encoder_embed_path="no/such/file")
    with pytest.raises(UsageError, match="no/such/file cannot be read"):
        task.build_model(missing)
    task.build_model(missing, from_checkpoint=True)
    assert not checkpoints.building_from_checkpoint()


def generator_of(task, models, **options):
    config = GenerationConfig(beam=options.pop("beam", 2), max_len_b=8)
    for key, value in options.items():
        setattr(config, key, value)
    return task.build_generator(models, config), config


def test_alignments_name_the_source_token_that_has_most_attention():
    task = translation_task(dictionary(), dictionary())
    model = build_model("attention_lstm", task)
    batch = batch_of(task, [[1, 2, 3, 4], [5, 6]])  # the second is padded on the left
    generator, _ = generator_of(task, [model], print_alignment="hard")
    for row, hypotheses in enumerate(task.inference_step(generator, [model], batch)):
        words = [4, 2][row]
        for hypothesis in hypotheses:
            attention = hypothesis["attention"][-words - 1 : -1]  # real words only, by target token
            expected = [(int(column.argmax()), at) for at, column in enumerate(attention.t()[:-1])]
            assert hypothesis["alignment"] == expected


def test_fewer_hypotheses_than_beams_are_aligned_all_the_same(monkeypatch):
    task = translation_task(dictionary(), dictionary())
    model = build_model("attention_lstm", task)
    generator, _ = generator_of(task, [model], print_alignment="hard", beam=3)
    search_all = generator._generate
    monkeypatch.setattr(generator, "_generate", lambda *args, **kwargs: [h[:1] for h in search_all(*args, **kwargs)])
    (hypotheses,) = task.inference_step(generator, [model], batch_of(task, [[1, 2, 3]]))
    assert len(hypotheses) == 1 and len(hypotheses[0]["alignment"]) == len(hypotheses[0]["tokens"]) - 1


def test_replace_unk_alone_asks_for_alignments_and_leaves_the_flag_alone():
    task = translation_task(dictionary(), dictionary())
    model = build_model("attention_lstm", task)
    generator, config = generator_of(task, [model], replace_unk=alignment.NO_ALIGNMENT_DICTIONARY)
    (hypotheses,) = task.inference_step(generator, [model], batch_of(task, [[1, 2, 3]]))
    assert hypotheses[0]["alignment"] and config.print_alignment is None
    assert utils.load_align_dict(alignment.NO_ALIGNMENT_DICTIONARY) == {}


@pytest.mark.parametrize(
    "pairs, dictionary_of_words, expected",
    [
        ([(2, 0), (0, 1), (1, 2)], {}, "see 1 blue"),  # target 0 <- source 2, target 2 <- source 1
        ([(2, 0), (0, 1), (1, 2)], {"see": "voir"}, "voir 1 blue"),
        ([(2, 0), (0, 1)], {}, "see 1 <unk>"),  # nothing is aligned to the last one
        ([(2, 0), (0, 1), (7, 2)], {}, "see 1 <unk>"),
    ],
)
def test_replace_unk_copies_the_aligned_source_word(pairs, dictionary_of_words, expected):
    target = dictionary()
    tokens = torch.tensor([target.unk(), target.index("1"), target.unk(), target.eos()])
    _, text, _ = utils.post_process_prediction(tokens, "the blue see", pairs, dictionary_of_words, target)
    assert text == expected


def test_replace_unk_takes_soft_alignments_too():
    target = dictionary()
    tokens = torch.tensor([target.unk(), target.eos()])
    rows = [["0.1", "0.6", "0.3"], ["0.2", "0.2", "0.6"]]
    assert utils.post_process_prediction(tokens, "red blue", rows, {}, target)[1] == "blue"


def test_replace_unk_gives_the_same_in_generate_and_interactive(commands, tmp_path):
    # the target's 9 is unknown to the dictionaries, so that models learn to write <unk>
    pairs = digit_pairs(40, 5, 2, 4)
    known = preprocess(commands, tmp_path / "known", [(s.replace("9", "1"), t.replace("9", "1")) for s, t in pairs],
                       pairs[:2], pairs[:2])  # fmt: skip
    dictionaries = ("--srcdict", known / "dict.src.txt", "--tgtdict", known / "dict.tgt.txt")
    raw = preprocess(commands, tmp_path / "raw", pairs, pairs[:4], pairs[:20], *dictionaries, "--dataset-impl", "raw")
    flags = ("--dataset-impl", "raw", "--max-epoch", 25)
    commands.train(raw, "attention_lstm_tiny", tmp_path / "ck", *flags)
    often = "--unkpen=-2"  # the model writes <unk> where it can
    path = ("--path", tmp_path / "ck" / "checkpoint_last.pt", often, "--replace-unk")
    plain = commands.generate(raw, *path[:3], "--dataset-impl", "raw")
    generated = commands.generate(raw, *path, "--dataset-impl", "raw", "--print-alignment")
    interactive = commands(
        *("fairseq-interactive", raw, "--user-dir", USER_DIR, *path, "--print-alignment", "--source-lang", "src"),
        *("--target-lang", "tgt", "--buffer-size", 8, "--batch-size", 8),
        stdin="".join(f"{source}\n" for source, _ in pairs[:20]),
    )
    assert any("<unk>" in text for text in plain.hypotheses())
    assert not any("<unk>" in text for text in generated.hypotheses())
    assert generated.hypotheses() == interactive.hypotheses()
    assert generated.lines("A") == interactive.lines("A")
    unaligned = commands.generate(raw, *path, "--dataset-impl", "raw")
    assert unaligned.hypotheses() == generated.hypotheses() and not unaligned.lines("A")
    # what replaced <unk> is the source word that the A- line points to
    for (source, _), before, after, arrows in zip(
        pairs, plain.hypotheses(), generated.hypotheses(), generated.lines("A")
    ):
        columns = {int(at): int(word) for word, at in (arrow.split("-") for arrow in arrows.split())}
        for at, (old, new) in enumerate(zip(before.split(), after.split())):
            assert new == (source.split()[columns[at]] if old == "<unk>" else old)


def test_soft_alignments_are_printed_by_generate(commands, digits, trained):
    path = ("--path", trained["attention_lstm"], "--print-alignment", "soft")
    result = commands.generate(digits, *path)
    for source, hypothesis, line in zip(result.lines("S"), result.hypotheses(), result.lines("A")):
        rows = [[float(weight) for weight in row.split(",")] for row in line.split()]
        assert len(rows) == len(hypothesis.split()) + 1
        assert all(len(row) == len(source.split()) + 1 and sum(row) == pytest.approx(1, abs=1e-4) for row in rows)


def test_diverse_beams_look_up_a_batch_by_place_not_by_number():
    def steps(numbers):
        strategy = search.DiverseBeamSearch(dictionary(), num_groups=2, diversity_strength=0.5)
        torch.manual_seed(0)
        scores = torch.zeros(2, 4, 3)
        results = []
        for step in range(3):
            log_probabilities = torch.log_softmax(torch.randn(2, 4, 14), -1)
            results += strategy.step(step, log_probabilities, scores[:, :, :step], None, torch.tensor(numbers))
        return results

    for numbered, placed in zip(steps([31, 4]), steps([0, 1])):
        assert torch.equal(numbered, placed)


def test_statistics_are_gathered_without_a_gpu(monkeypatch):
    from fairseq.distributed import utils as distributed_utils

    monkeypatch.setattr(
        "torch.distributed.all_gather_object",
        lambda gathered, data, group=None: gathered.__setitem__(slice(None), [data] * len(gathered)),
    )
    monkeypatch.setattr(distributed_utils, "get_world_size", lambda group: 2)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert distributed_utils.all_gather_list({"loss": 1}, group=object()) == [{"loss": 1}] * 2


def test_errors_other_than_usage_errors_keep_their_traceback(commands, digits, tmp_path):
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "__init__.py").write_text("import s2s_plugins\n\n1 / 0\n")
    result = commands("fairseq-train", digits, "--user-dir", plugin, code=1)
    assert "Traceback" in result.err and "ZeroDivisionError" in result.err.splitlines()[-1]


def test_a_developer_can_ask_for_the_traceback_of_a_usage_error(commands, digits):
    result = commands.generate(digits, "--path", "no.pt", env={"S2S_TRACEBACK": "1"}, code=2)
    assert "Traceback" in result.err and "no.pt does not exist" in result.err.splitlines()[-1]


def test_a_checkpoint_cut_short_is_named(trained, tmp_path):
    cut = tmp_path / "cut.pt"
    cut.write_bytes(trained["peek_lstm"].read_bytes()[:5000])
    with pytest.raises(UsageError, match=re.escape(f"checkpoint {cut} is not whole")):
        checkpoint_utils.load_checkpoint_to_cpu(str(cut))
    text = tmp_path / "text.pt"
    text.write_text("not a checkpoint at all, but a text of some length")
    with pytest.raises(UsageError, match=re.escape(f"{text} is not a checkpoint")):
        checkpoint_utils.load_checkpoint_to_cpu(str(text))
