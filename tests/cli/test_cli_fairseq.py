"""fairseq's real commands with each architecture: train, validate, generate, interactive, and their options."""

import re

import pytest
import torch
from conftest import ARCHITECTURES, REPOSITORY, USER_DIR, digit_pairs, preprocess, write_pairs


def losses(result):
    return [float(value) for value in re.findall(r"\| valid \|.*?\| loss ([\d.]+)", result.out)]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_validate_reports_the_loss_that_training_reported(commands, digits, trained, arch):
    flags = ("--path", trained[arch], "--batch-size", 5, "--valid-subset", "valid", "--num-workers", "0")
    validated = commands("fairseq-validate", digits, "--user-dir", USER_DIR, *flags)
    state = torch.load(trained[arch], weights_only=True)
    assert losses(validated)[-1] == pytest.approx(state["extra_state"]["val_loss"], abs=2e-3)


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize(
    "flags",
    [
        ("--beam", 5, "--nbest", 5),
        ("--beam", 1, "--batch-size", 1),
        ("--beam", 3, "--nbest", 3, "--sampling", "--sampling-topp", 0.9),
        ("--beam", 2, "--sampling", "--nbest", 2, "--temperature", 0.7, "--sampling-topk", 10),
        ("--beam", 4, "--diverse-beam-groups", 2),
        ("--prefix-size", 1),
        ("--scoring", "sacrebleu"),
    ],
    ids=lambda flags: str(flags[2]) if len(flags) > 2 else str(flags[0]),
)
def test_generate_answers_every_sentence(commands, digits, trained, arch, flags):
    result = commands.generate(digits, "--path", trained[arch], *flags)
    nbest = flags[flags.index("--nbest") + 1] if "--nbest" in flags else 1
    assert len(result.lines("S")) == len(result.lines("T")) == 13
    assert len(result.lines("H")) == 13 * nbest
    if "--prefix-size" in flags:
        hypotheses = [text.split()[0] for text in result.hypotheses()]
        assert hypotheses == [line.split()[0] for line in result.lines("T")]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_interactive_answers_as_generate_does(commands, digits, trained, arch):
    generated = commands.generate(digits, "--path", trained[arch], "--nbest", 2)
    lines = "".join(f"{line}\n" for line in generated.lines("S"))
    interactive = commands(
        *("fairseq-interactive", digits, "--user-dir", USER_DIR, "--path", trained[arch], "--nbest", 2),
        *("--buffer-size", 4, "--batch-size", 4),
        stdin=lines,
    )
    assert interactive.hypotheses() == generated.hypotheses()
    scores = [[float(line.split("\t")[0]) for line in result.lines("H")] for result in (interactive, generated)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_constraints_come_back_in_every_hypothesis(commands, digits, trained):
    lines = "1 2 3\t7\n4 5\t8\t9\n"
    result = commands(
        *("fairseq-interactive", digits, "--user-dir", USER_DIR, "--path", trained["attention_lstm"]),
        *("--constraints", "unordered", "--beam", 8, "--batch-size", 1),
        stdin=lines,
    )
    first, second = result.hypotheses()
    assert "7" in first.split() and {"8", "9"} <= set(second.split())


def test_an_ensemble_of_two_architectures_generates(commands, digits, trained):
    paths = f"{trained['attention_lstm']}:{trained['peek_lstm']}"
    ensemble = commands.generate(digits, "--path", paths).lines("H")
    single = commands.generate(digits, "--path", trained["peek_lstm"]).lines("H")
    assert len(ensemble) == 13 and ensemble != single


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_label_smoothing_and_gradient_accumulation_train(commands, digits, arch):
    flags = ("--criterion", "label_smoothed_cross_entropy", "--label-smoothing", 0.1, "--update-freq", 2)
    result = commands.train(digits, arch + "_tiny", commands.folder / f"smooth-{arch}", *flags, "--max-epoch", 8)
    assert losses(result)[-1] < losses(result)[0]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_bleu_in_validation_chooses_the_checkpoint(commands, digits, arch):
    save_dir = commands.folder / f"bleu-{arch}"
    flags = ("--eval-bleu", "--eval-bleu-args", '{"beam": 2}', "--best-checkpoint-metric", "bleu")
    result = commands.train(
        digits, arch + "_tiny", save_dir, *flags, "--maximize-best-checkpoint-metric", "--max-epoch", 2
    )
    assert "| best_bleu " in result.out
    assert len(commands.generate(digits, "--path", save_dir / "checkpoint_best.pt").lines("H")) == 13


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_adaptive_softmax_trains_and_generates(commands, digits, arch):
    save_dir = commands.folder / f"adaptive-{arch}"
    flags = ("--criterion", "adaptive_loss", "--adaptive-softmax-cutoff", "5,9", "--ddp-backend", "legacy_ddp")
    result = commands.train(digits, arch + "_tiny", save_dir, *flags, "--max-epoch", 8)
    assert losses(result)[-1] < losses(result)[0]
    assert len(commands.generate(digits, "--path", save_dir / "checkpoint_last.pt").lines("H")) == 13


@pytest.fixture(scope="module")
def test_sets(commands, digits):
    """Binarised test sets of 1 to 20 sentences: their folder, and name -> pairs."""
    folder = commands.folder / "counts"
    folder.mkdir()
    sets = {f"test{count - 1 or ''}": digit_pairs(count, 40 + count) for count in range(1, 21)}
    for name, pairs in sets.items():
        write_pairs(folder / name, pairs)
    commands(
        *("fairseq-preprocess", "--source-lang", "src", "--target-lang", "tgt", "--destdir", folder / "bin"),
        *("--testpref", ",".join(str(folder / name) for name in sets)),
        *("--srcdict", digits / "dict.src.txt", "--tgtdict", digits / "dict.tgt.txt"),
    )
    return folder / "bin", sets


@pytest.mark.parametrize("count", range(1, 21))
def test_generate_returns_as_many_lines_as_it_was_given(commands, test_sets, trained, count):
    data, sets = test_sets
    name = f"test{count - 1 or ''}"
    named = ("--gen-subset", name, "--source-lang", "src", "--target-lang", "tgt")
    result = commands.generate(data, "--path", trained["peek_lstm"], "--beam", 2, *named)
    assert result.lines("S") == [source for source, _ in sets[name]]
    assert len(result.lines("H")) == count


def test_a_corpus_of_five_pairs_trains_on_five_and_generates_five(commands):
    pairs = digit_pairs(5, 9, shortest=2)
    data = preprocess(commands, commands.folder / "five", pairs, pairs, pairs)
    save_dir = commands.folder / "five" / "checkpoints"
    result = commands.train(data, "attention_lstm_tiny", save_dir, "--max-epoch", 2)
    tokens = sum(len(target.split()) + 1 for _, target in pairs)
    (words_per_batch, sentences), *_ = re.findall(r"\| train \|.*?\| wpb ([\d.]+) \| bsz ([\d.]+)", result.out)
    assert (float(words_per_batch), float(sentences)) == (tokens, 5)
    assert len(commands.generate(data, "--path", save_dir / "checkpoint_last.pt").lines("H")) == 5


def test_sentencepiece_and_sacrebleu_score_detokenised_text(commands):
    import sentencepiece

    folder = commands.folder / "pieces"
    folder.mkdir()
    plain = [("the cat sat on the mat", "die katze sass auf der matte"), ("a dog ran", "ein hund lief")] * 8
    text = folder / "text"
    text.write_text("".join(f"{source}\n{target}\n" for source, target in plain))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "sp"), vocab_size=40, hard_vocab_limit=False, minloglevel=2
    )
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
    encoded = [tuple(" ".join(pieces.encode(side, out_type=str)) for side in pair) for pair in plain]
    data = preprocess(commands, folder / "data", encoded, encoded[:2], encoded[:2], "--joined-dictionary")
    flags = ("--share-all-embeddings", "--encoder-embed-dim", 32, "--decoder-embed-dim", 32, "--lr", 0.02)
    commands.train(data, "attention_lstm_tiny", folder / "ck", *flags, "--max-update", 150, "--validate-interval", 50)
    result = commands.generate(
        *(data, "--path", folder / "ck" / "checkpoint_last.pt", "--bpe", "sentencepiece"),
        *("--sentencepiece-model", folder / "sp.model", "--scoring", "sacrebleu"),
    )
    detokenised = [line.split("\t", 1)[1] for line in result.lines("D")]
    assert detokenised == [target for _, target in plain[:2]]
    assert re.search(r"BLEU = 100\.00", result.out) or '"score": 100.0' in result.out


def test_a_model_loads_through_the_hub_interface(digits, trained, monkeypatch):
    from fairseq import hub_utils

    folder = trained["attention_lstm"].parent
    loaded = hub_utils.from_pretrained(str(folder), "checkpoint_last.pt", str(digits), user_dir=USER_DIR)
    interface = hub_utils.GeneratorHubInterface(loaded["args"], loaded["task"], loaded["models"])
    answers = interface.translate(["1 2 3", "4"], beam=2)
    assert len(answers) == 2 and all(set(answer.split()) <= set("0123456789") for answer in answers)


def test_hydra_train_takes_a_preset_and_overrides(commands, digits):
    folder = commands.folder / "hydra"
    folder.mkdir()
    (folder / "small.yaml").write_text(
        "# @package _group_\n"
        f"common: {{user_dir: {USER_DIR}, seed: 1}}\n"
        f"task: {{_name: translation, data: {digits}}}\n"
        "model: {_name: attention_lstm_tiny, attention: general, attention_timing: after}\n"
        "criterion: {_name: cross_entropy}\n"
        "optimizer: {_name: adam}\n"
        "lr_scheduler: {_name: fixed}\n"
        "dataset: {max_tokens: 400, num_workers: 0}\n"
        "optimization: {lr: [0.01], max_epoch: 2}\n"
        f"checkpoint: {{save_dir: {folder / 'ck'}}}\n"
    )
    commands("fairseq-hydra-train", "--config-dir", folder, "--config-name", "small", cwd=folder)
    state = torch.load(folder / "ck" / "checkpoint_last.pt", weights_only=True)
    assert state["model"]["decoder.core.stack.layers.0.rnn.weight_hh_l0"].shape == (64, 16)
    assert "decoder.core.attention.memory_projection.weight" in state["model"]
    assert len(commands.generate(digits, "--path", folder / "ck" / "checkpoint_last.pt").lines("H")) == 13


def test_pretrained_embeddings_are_read_and_a_checkpoint_loads_without_their_file(commands, digits):
    folder = commands.folder / "embeddings"
    folder.mkdir()
    vectors = folder / "vectors.txt"
    vectors.write_text("3 16\n" + "".join(f"{digit} " + " ".join(["0.5"] * 16) + "\n" for digit in "123"))
    flags = ("--encoder-embed-path", vectors, "--encoder-freeze-embed", "--max-epoch", 2)
    commands.train(digits, "peek_lstm_tiny", folder / "ck", *flags)
    checkpoint = folder / "ck" / "checkpoint_last.pt"
    weight = torch.load(checkpoint, weights_only=True)["model"]["encoder.core.embed_tokens.weight"]
    assert (weight == 0.5).all(1).sum() == 3
    vectors.unlink()
    assert len(commands.generate(digits, "--path", checkpoint).lines("H")) == 13


def test_left_padded_targets_train_to_the_same_loss(commands, digits):
    results = [
        commands.train(
            digits,
            "attention_lstm_tiny",
            commands.folder / f"left-{len(side)}",
            *(*side, "--max-epoch", 3, "--no-save"),
        )
        for side in (("--left-pad-target",), ())
    ]
    assert losses(results[0]) == pytest.approx(losses(results[1]), abs=2e-3)


def test_two_processes_train_on_cpu(commands, digits, tmp_path):
    import os
    import subprocess
    import sys

    torchrun = os.path.join(os.path.dirname(sys.executable), "torchrun")
    train = os.path.join(os.path.dirname(sys.executable), "fairseq-train")
    flags = ["--user-dir", USER_DIR, "--arch", "attention_lstm_tiny", "--optimizer", "adam", "--lr", "0.01"]
    flags += ["--max-tokens", "200", "--max-epoch", "3", "--seed", "1", "--num-workers", "0", "--log-format", "simple"]
    done = subprocess.run(
        [torchrun, "--standalone", "--nproc_per_node", "2", train, str(digits), *flags, "--save-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (sentences,) = set(re.findall(r"\| train \| epoch 001 .*?\| bsz ([\d.]+)", done.stdout))
    single = commands.train(
        digits, "attention_lstm_tiny", tmp_path / "single", "--max-tokens", "200", "--max-epoch", 1, "--no-save"
    )
    (alone,) = set(re.findall(r"\| train \| epoch 001 .*?\| bsz ([\d.]+)", single.out))
    assert float(sentences) > 1.5 * float(alone)  # both processes' sentences make one batch
    assert len(commands.generate(digits, "--path", tmp_path / "checkpoint_last.pt").lines("H")) == 13


def test_bf16_autocast_trains_to_a_loss_near_float32(commands, digits):
    results = [
        commands.train(
            digits,
            "attention_lstm_tiny",
            commands.folder / f"autocast-{kind}",
            *("--autocast", kind, "--max-epoch", 4, "--no-save"),
        )
        for kind in ("bf16", "none")
    ]
    assert losses(results[0])[-1] == pytest.approx(losses(results[1])[-1], rel=0.05)


def test_training_on_a_user_dir_in_every_form(commands, digits, tmp_path):
    flags = ("--arch", "peek_lstm_tiny", "--optimizer", "adam", "--max-epoch", 1, "--max-tokens", 400, "--no-save")
    flags += ("--save-dir", tmp_path)
    link = tmp_path / "s2s_plugins"
    link.symlink_to(USER_DIR)
    for user_dir, folder in (("s2s_plugins", REPOSITORY), ("./s2s_plugins/", REPOSITORY), (USER_DIR, tmp_path)):
        commands("fairseq-train", digits, "--user-dir", user_dir, *flags, cwd=folder)
    commands("fairseq-train", digits, "--user-dir", link, *flags, cwd=tmp_path)
    printed = commands("s2s", "user-dir", cwd=tmp_path).out.strip()
    assert printed == USER_DIR
    commands("fairseq-train", digits, "--user-dir", printed, *flags, cwd=tmp_path)


def test_unknown_words_in_the_source_do_not_stop_decoding(commands, digits, trained):
    lines = "1 x 3\n\n"
    result = commands(
        *("fairseq-interactive", digits, "--user-dir", USER_DIR, "--path", trained["basic_lstm"]), stdin=lines
    )
    assert result.lines("S") == ["1 <unk> 3", ""] and len(result.lines("H")) == 2
