"""Symbols that no dictionary has, through fairseq's commands: binarised, trained, decoded, and printed as they are."""

import random

import pytest
from conftest import USER_DIR

from s2s_plugins.inference.load import load
from s2s_plugins.models.translator import load_translator
from s2s_plugins.text.slots import SLOTS

STRANGE = str.maketrans("abc", "\u0433\u4e16\u00e9")
SIZES = {f"--{side}": 32 for side in ("encoder-embed-dim", "encoder-hidden-size", "decoder-embed-dim")}
FLAGS = (
    *(word for item in SIZES.items() for word in item),
    *("--decoder-hidden-size", 64, "--encoder-bidirectional", "--attention-timing", "after", "--attention", "general"),
    *("--attention-alignment", "monotonic", "--copy", "--max-update", 120, "--batch-size", 32, "--dropout", 0.1),
)


def verbs(count, seed):
    """Lemmas of random letters, their forms and features."""
    draw = random.Random(seed)
    for _ in range(count):
        lemma = "".join(draw.choices("abcdefghijklm", k=draw.randint(2, 6)))
        tense = draw.choice(["PST", "PRS"])
        yield lemma, f"{lemma}{'xy'[tense == 'PST']}", f"V;{tense}"


@pytest.fixture(scope="module")
def data(commands):
    """A folder of prepared data whose test part has letters of other alphabets."""
    folder = commands.folder / "copied"
    folder.mkdir()
    strange = [(lemma.translate(STRANGE), form.translate(STRANGE), tags) for lemma, form, tags in verbs(25, 2)]
    for name, rows in (("verbs", verbs(300, 1)), ("strange", strange)):
        text = "".join("\t".join(row) + "\n" for row in rows)
        (folder / f"{name}.tsv").write_text(text, encoding="utf-8")
    flags = ("--test", folder / "strange.tsv", "--dest", folder / "data")
    said = commands("s2s", "prepare", "--pairs", folder / "verbs.tsv", *flags).out
    assert "column 3 holds features" in said and "copying: " in said
    command = said.splitlines()[-1]
    assert command.startswith(f"  fairseq-train {folder / 'data'} --user-dir $(s2s user-dir) --task translation")
    assert "--arch transducer_lstm" in command and "--features-as bag" in command
    return folder / "data"


@pytest.fixture(scope="module")
def checkpoint(commands, data):
    commands.train(data, "attention_lstm", data.parent / "ck", *FLAGS, "--source-lang", "source")
    return data.parent / "ck" / "checkpoint_last.pt"


@pytest.fixture(scope="module")
def generated(commands, data, checkpoint):
    return commands.generate(data, "--path", checkpoint, "--batch-size", 7, "--nbest", 2)


def sorted_lines(result, kind):
    """The texts of the lines of a kind, in the order of the data."""
    lines = [line for line in result.out.splitlines() if line.startswith(f"{kind}-")]
    return [line.split("\t")[-1] for line in sorted(lines, key=lambda line: int(line.split("\t")[0][2:]))]


def test_generate_prints_the_sentences_own_symbols(data, generated):
    rows = [line.split("\t") for line in (data / "test.tsv").read_text(encoding="utf-8").splitlines()]
    sources = [" ".join([*(f"⟦{tag}⟧" for tag in tags.split(";")), *lemma]) for lemma, tags, _ in rows]
    assert sorted_lines(generated, "S") == sources
    assert sorted_lines(generated, "T") == [" ".join(form) for _, _, form in rows]
    assert not any(slot in generated.out for slot in SLOTS)


def test_strange_letters_are_copied(data, generated):
    sources, best = sorted_lines(generated, "S"), sorted_lines(generated, "H")[::2]
    copied = [source.split("⟧ ")[-1] == target[: -len(" x")] for source, target in zip(sources, best)]
    assert sum(copied) >= 0.7 * len(copied)


def test_interactive_and_predict_say_what_generate_says(commands, data, checkpoint, generated):
    tokens = (data / "test.source-target.source.tokens").read_text(encoding="utf-8")
    flags = ("--path", checkpoint, "--buffer-size", 8, "--batch-size", 8, "--nbest", 2, "--source-lang", "source")
    interactive = commands("fairseq-interactive", data, "--user-dir", USER_DIR, *flags, stdin=tokens)
    assert sorted_lines(interactive, "S") == sorted_lines(generated, "S")
    assert sorted_lines(interactive, "H") == sorted_lines(generated, "H")
    file = data.parent / "verbs.safetensors"
    commands("s2s", "save", checkpoint, "--prepared", data, "--out", file)
    rows = [line.rpartition("\t")[0] for line in (data / "test.tsv").read_text(encoding="utf-8").splitlines()]
    lines = "".join(f"{row}\n" for row in rows)
    answers = commands("s2s", "predict", file, stdin=lines).out.splitlines()
    best = ["".join(text.split()) for text in sorted_lines(generated, "H")[::2]]
    assert answers == [f"{row}\t{text}" for row, text in zip(rows, best)]
    assert [one.text for one in load(file, "torch").predict(rows)] == best


@pytest.mark.parametrize(
    "flags",
    [
        ("--scoring", "sacrebleu", "--post-process", "subword_nmt", "--prefix-size", 1),
        ("--print-alignment", "--gen-subset", "valid", "--sampling", "--beam", 1),
    ],
    ids=lambda flags: flags[0],
)
def test_other_flags_of_generate_print_them_too(commands, data, checkpoint, generated, flags):
    result = commands.generate(data, "--path", checkpoint, "--batch-size", 7, *flags)
    if "valid" not in flags:
        assert sorted_lines(result, "T") == sorted_lines(generated, "T")
    assert not any(slot in line for slot in SLOTS for kind in "ST" for line in sorted_lines(result, kind))


def test_tokens_that_do_not_fit_the_data_are_named(commands, data, checkpoint):
    path = data / "test.source-target.source.tokens"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + "a b\n", encoding="utf-8")
    try:
        result = commands.generate(data, "--path", checkpoint, code=2)
    finally:
        path.write_text(whole, encoding="utf-8")
    assert f"{path} has 26 lines and test 25 sentences: prepare the data again" in result.err


def test_a_checkpoint_with_its_data_attends_to_the_sentences_own_symbols(data, checkpoint):
    translator = load_translator(str(checkpoint), str(data))
    rows = [line.split("\t") for line in (data / "test.tsv").read_text(encoding="utf-8").splitlines()]
    sentences = translator.read("test", 5)
    assert ["".join(one.reference) for one in sentences] == [form for _, _, form in rows[:5]]
    assert [one.tokens[2:-1] for one in sentences] == [list(lemma) for lemma, _, _ in rows[:5]]
    assert not any(slot in token for one in translator.attend(sentences) for token in one.target for slot in SLOTS)


def test_prepared_data_says_how_a_checkpoint_spells_and_nothing_else_does(commands, data, checkpoint):
    flags = ("--prepared", data, "--source", "char", "--out", data.parent / "x.safetensors")
    result = commands("s2s", "save", checkpoint, *flags, code=2)
    assert "--source char and --prepared exclude each other: leave one out" in result.err
