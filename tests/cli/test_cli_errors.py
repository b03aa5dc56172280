"""What a user reads for bad input: one line that names the flag or file and the remedy, exit code 2, no traceback."""

import pytest
from conftest import ARCHITECTURES, USER_DIR, digit_pairs, preprocess


def one_line_error(result):
    assert "Traceback" not in result.err
    errors = [line for line in result.err.splitlines() if ": error: " in line]
    assert len(errors) == 1
    return errors[0]


def train_error(commands, data, arch, *flags):
    result = commands.train(data, arch, "unused", "--max-epoch", 1, "--no-save", *flags, code=2)
    return one_line_error(result)


FLAGS = [
    ("attention_lstm_tiny", "--attention bahdanau", "--attention: invalid choice: 'bahdanau'"),
    ("attention_lstm_tiny", "--attention-timing during", "--attention-timing: invalid choice: 'during'"),
    ("peek_lstm_tiny", "--bridge none", "--bridge: invalid choice: 'none'"),
    ("peek_lstm_tiny", "--rnn-cell rnn", "--rnn-cell: invalid choice: 'rnn'"),
    ("peek_lstm_tiny", "--attention dot", "unrecognized arguments: --attention dot"),
    ("peek_lstm_tiny", "--encoder-embed-dim 0", "--encoder-embed-dim 0 is not a size: use 1 or more"),
    ("peek_lstm_tiny", "--encoder-hidden-size -3", "--encoder-hidden-size -3 is not a size"),
    ("basic_lstm_tiny", "--encoder-layers 0", "--encoder-layers 0 is not a size"),
    ("feedback_lstm_tiny", "--decoder-layers -1", "--decoder-layers -1 is not a size"),
    ("attention_lstm_tiny", "--attention-dim 0", "--attention-dim 0 is not a size"),
    ("peek_lstm_tiny", "--decoder-out-embed-dim 0", "--decoder-out-embed-dim 0 is not a size"),
    ("peek_lstm_tiny", "--dropout 1.2", "--dropout 1.2 is not a dropout probability"),
    ("peek_lstm_tiny", "--decoder-dropout-in -0.1", "--decoder-dropout-in -0.1 is not a dropout probability"),
    ("peek_lstm_tiny", "--residual", "--residual joins layers, and --encoder-layers and --decoder-layers are 1"),
    (
        "peek_lstm_tiny",
        "--share-decoder-input-output-embed --decoder-out-embed-dim 8",
        "--decoder-embed-dim is 16 and --decoder-out-embed-dim 8: make them equal",
    ),
    (
        "peek_lstm_tiny",
        "--share-decoder-input-output-embed --adaptive-softmax-cutoff 5",
        "--share-decoder-input-output-embed shares one output matrix, --adaptive-softmax-cutoff splits it",
    ),
    ("peek_lstm_tiny", "--adaptive-softmax-cutoff 5,x", "--adaptive-softmax-cutoff 5,x is not a list"),
    ("peek_lstm_tiny", "--adaptive-softmax-cutoff 5000", "below the target dictionary's 16 symbols"),
    ("peek_lstm_tiny", "--criterion adaptive_loss --ddp-backend legacy_ddp", "needs --adaptive-softmax-cutoff"),
    ("basic_lstm_tiny", "--decoder-embed-dim 16", "--decoder-embed-dim has no use with --arch basic_lstm_tiny"),
    ("basic_lstm_tiny", "--share-decoder-input-output-embed", "never reads the previous token: leave"),
    ("feedback_lstm_tiny", "--bridge zero", "--bridge zero hides the source from --arch feedback_lstm_tiny"),
    (
        "feedback_lstm_tiny",
        "--bridge copy --decoder-layers 3",
        "the encoder ends in 1 layers x 16 values, the decoder starts from 3 x 16: use --bridge dense",
    ),
    (
        "feedback_lstm_tiny",
        "--bridge-activation relu",
        "--bridge auto, which is copy here, has none: use --bridge dense, or leave --bridge-activation out",
    ),
    ("peek_lstm_tiny", "--bridge zero --bridge-activation none", "--bridge zero has none: use --bridge dense"),
    ("peek_lstm_tiny", "--bridge-activation elu", "--bridge-activation: invalid choice: 'elu'"),
    ("basic_lstm_tiny", "--scheduled-sampling 0.5", "--scheduled-sampling has no use with --arch basic_lstm_tiny"),
    ("peek_lstm_tiny", "--scheduled-sampling 1.5", "--scheduled-sampling 1.5 is not a probability: use a value from"),
    ("peek_lstm_tiny", "--scheduled-sampling-updates 9", "give it, as in --scheduled-sampling 0.25"),
    (
        "peek_lstm_tiny",
        "--scheduled-sampling 0.5 --scheduled-sampling-updates -1",
        "--scheduled-sampling-updates -1 is below 0: use 1 or more, or 0",
    ),
    (
        "peek_lstm_tiny",
        "--scheduled-sampling 0.5 --scheduled-sampling-decay exponential",
        "give it, as in --scheduled-sampling-updates 10000",
    ),
    ("peek_lstm_tiny", "--criterion sampled_softmax --sampled-classes 0", "--sampled-classes 0 leaves no class"),
    (
        "peek_lstm_tiny",
        "--criterion sampled_softmax --adaptive-softmax-cutoff 5",
        "leave the cutoff out, or use --criterion adaptive_loss",
    ),
    (
        "attention_lstm_tiny",
        "--criterion sampled_softmax --attention-timing after --attention-alignment hard",
        "use --attention-alignment soft, or --criterion cross_entropy",
    ),
    ("lstm", "--criterion sampled_softmax", "samples the output layer of this plugin's architectures: use one of them"),
    ("attention_lstm_tiny", "--input-feeding", "use --attention-timing after, or leave --input-feeding out"),
    (
        "attention_lstm_tiny",
        "--attention dot --decoder-hidden-size 24",
        "--decoder-hidden-size is 24 and the encoder's output 16: use --attention general",
    ),
    ("attention_lstm_tiny", "--attention dot --attention-coverage", "--attention dot has none"),
    ("attention_lstm_tiny", "--attention general --attention-dim 8", "--attention general has none"),
    (
        "attention_lstm_tiny",
        "--attention-alignment monotonic",
        "--attention-timing before does: use --attention-timing after",
    ),
    (
        "attention_lstm_tiny",
        "--attention-alignment hard --attention-timing after --input-feeding",
        "does not go with --input-feeding: leave --input-feeding out",
    ),
    (
        "attention_lstm_tiny",
        "--attention-alignment hard --attention-timing after --adaptive-softmax-cutoff 5",
        "does not go with --adaptive-softmax-cutoff: leave",
    ),
    ("peek_lstm_tiny", "--bf16", "use --autocast bf16"),
    ("peek_lstm_tiny", "--encoder-embed-path no/file", "--encoder-embed-path no/file cannot be read"),
]


@pytest.mark.parametrize("arch, flags, message", FLAGS, ids=lambda value: str(value)[:50])
def test_flags_that_make_no_sense_are_named_with_the_remedy(commands, digits, arch, flags, message):
    assert message in train_error(commands, digits, arch, *flags.split())


def test_two_dictionaries_cannot_share_all_embeddings(commands, tmp_path):
    pairs = [(source, target.replace("1", "one")) for source, target in digit_pairs(20, 1)]
    data = preprocess(commands, tmp_path, pairs, pairs[:3], pairs[:3])
    error = train_error(commands, data, "peek_lstm_tiny", "--share-all-embeddings")
    assert "--share-all-embeddings needs one dictionary" in error and "--joined-dictionary" in error


@pytest.mark.parametrize(
    "text, message",
    [
        ("1 0.1 0.2 0.3\n2 0.1 0.2 0.3\n", "line 1: 3 numbers, --encoder-embed-dim is 16: use --encoder-embed-dim 3"),
        ("9 300\n1 " + "0.1 " * 300 + "\n", "line 2: 300 numbers, --encoder-embed-dim is 16"),
        ("1 " + "0.1 " * 15 + "x\n", "line 1: could not convert string to float: 'x'"),
    ],
)
def test_an_embedding_file_of_another_width_is_named(commands, digits, tmp_path, text, message):
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    error = train_error(commands, digits, "peek_lstm_tiny", "--encoder-embed-path", path)
    assert f"--encoder-embed-path {path}" in error and message in error


@pytest.mark.parametrize("command", ["fairseq-train", "fairseq-generate"])
def test_a_missing_or_empty_data_folder_is_named(commands, trained, tmp_path, command):
    flags = ["--user-dir", USER_DIR]
    if command == "fairseq-train":
        flags += ["--arch", "peek_lstm_tiny", "--optimizer", "adam", "--max-tokens", 400, "--no-save"]
    else:
        flags += ["--path", trained["peek_lstm"]]
    missing, empty, other = tmp_path / "missing", tmp_path / "empty", tmp_path / "other"
    empty.mkdir()
    other.mkdir()
    (other / "notes.txt").write_text("hello")
    for folder, message in (
        (missing, f"data folder {missing} does not exist"),
        (empty, f"data folder {empty} is empty"),
        (other, f"data folder {other} has no train.SOURCE-TARGET.* files"),
    ):
        assert message in one_line_error(commands(command, folder, *flags, code=2))
    named = ["--source-lang", "src", "--target-lang", "tgt"]
    error = one_line_error(commands(command, other, *flags, *named, code=2))
    assert "dict.src.txt does not exist: fairseq-preprocess writes it" in error


def test_a_missing_split_is_named(commands, digits, trained):
    error = one_line_error(commands.generate(digits, "--path", trained["peek_lstm"], "--gen-subset", "dev", code=2))
    assert "has no dev split" in error and "--gen-subset" in error


def test_a_missing_checkpoint_is_named(commands, digits):
    error = one_line_error(commands.generate(digits, "--path", "no/checkpoint.pt", code=2))
    assert "checkpoint no/checkpoint.pt does not exist" in error


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_checkpoint_of_another_architecture_is_named(commands, digits, trained, tmp_path, arch):
    other = ARCHITECTURES[ARCHITECTURES.index(arch) - 1]
    flags = ("--restore-file", trained[other], "--max-epoch", 9, "--no-save")
    error = one_line_error(commands.train(digits, arch + "_tiny", tmp_path, *flags, code=2))
    assert str(trained[other]) in error and "the checkpoint is of another architecture" in error


@pytest.mark.parametrize("extra", ["x", "x x y z u v w"])
def test_data_of_another_dictionary_is_named(commands, trained, tmp_path, extra):
    # fairseq fills dictionaries up to a multiple of 8, so that other symbols fit the same weights
    pairs = [(source + " " + extra, target) for source, target in digit_pairs(61, 1)]
    data = preprocess(commands, tmp_path, pairs, pairs[:3], pairs[:3])
    error = one_line_error(commands.generate(data, "--path", trained["peek_lstm"], code=2))
    assert "trained with another source dictionary: symbol 4 is " in error and "and 'x' in the data's" in error
    assert "--srcdict" in error


def test_a_source_above_the_limit_is_named(commands, digits, trained):
    path = ("--path", trained["attention_lstm"])
    error = one_line_error(commands.generate(digits, *path, "--max-source-positions", 3, code=2))
    assert "is too long" in error and "the limit is (3, 1024)" in error
    line = " ".join(["1"] * 1030) + "\n"
    result = commands("fairseq-interactive", digits, "--user-dir", USER_DIR, *path, stdin=line, code=2)
    error = one_line_error(result)
    assert "sentence 0 is too long" in error and "(1024, 1024)" in error and "--max-source-positions" in error


def test_a_training_pair_above_the_limit_is_named(commands, tmp_path):
    pairs = digit_pairs(12, 1, 5, 6)
    data = preprocess(commands, tmp_path, pairs, pairs[:4], pairs[:4])
    flags = ("--max-source-positions", 4, "--max-target-positions", 4)
    error = train_error(commands, data, "peek_lstm_tiny", *flags)
    assert "all 12 sentences are too long: the limit is (4, 4)" in error
    some = preprocess(commands, tmp_path / "some", digit_pairs(12, 1, 2, 6), pairs[:4], pairs[:4])
    flags = ("--max-source-positions", 5, "--max-target-positions", 5)
    error = train_error(commands, some, "peek_lstm_tiny", *flags)  # training skips such pairs, validation does not
    assert "is too long" in error and "--skip-invalid-size-inputs-valid-test" in error


def test_alignment_without_attention_is_named(commands, digits, trained):
    result = commands.generate(digits, "--path", trained["peek_lstm"], "--print-alignment", code=2)
    assert "need a model with attention" in one_line_error(result)


def test_fairseqs_own_checks_of_flags_are_one_line_too(commands, digits, trained):
    run = ("fairseq-train", digits, "--user-dir", USER_DIR, "--arch", "peek_lstm_tiny", "--optimizer", "adam")
    assert "Must specify batch size either with --max-tokens or --batch-size" in one_line_error(commands(*run, code=2))
    path = ("--path", trained["peek_lstm"])
    assert "--optimizer is missing" in one_line_error(commands(*run[:-2], "--max-tokens", 400, code=2))
    error = one_line_error(commands.generate(digits, *path, "--sampling", "--beam", 3, code=2))
    assert "--sampling requires --nbest to be equal to --beam" in error
    assert "--path required" in one_line_error(commands.generate(digits, code=2))
    assert "--replace-unk requires a raw text" in one_line_error(
        commands.generate(digits, *path, "--replace-unk", code=2)
    )


def test_flags_that_fairseq_would_fail_on_later_are_named(commands, digits, trained):
    path = ("fairseq-interactive", digits, "--user-dir", USER_DIR, "--path", trained["attention_lstm"])
    error = one_line_error(commands(*path, "--print-alignment", "soft", code=2))
    assert "--print-alignment soft is for fairseq-generate" in error
    error = one_line_error(commands(*path, "--replace-unk", "--bpe", "characters", code=2))
    assert "--replace-unk copies source words" in error
    error = one_line_error(commands(*path, "--replace-unk", "no/dictionary", code=2))
    assert "--replace-unk no/dictionary cannot be read" in error
    error = one_line_error(commands(*path, "--constraints", "--beam", 20, stdin="1 2\t3\n", code=2))
    assert "--beam 15 with --constraints needs 30 target symbols, the dictionary has 16: use --beam 8 or less" in error


def test_a_value_that_an_overridden_field_does_not_take_is_named(commands, digits, trained):
    overrides = "{'decoding_weights': 'int4'}"
    result = commands.generate(digits, "--path", trained["attention_lstm"], "--model-overrides", overrides, code=2)
    error = one_line_error(result)
    assert "decoding_weights" in error and "int4" in error and "int8" in error
