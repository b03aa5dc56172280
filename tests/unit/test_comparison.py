"""Parts of ``s2s compare``: which flags a system gets, what the scores count, what is read out of decoded text."""

import shutil

import pytest
import sacrebleu

from s2s_plugins.comparison import decoded, metrics, report
from s2s_plugins.comparison.data import Settings
from s2s_plugins.comparison.plan import Plan
from s2s_plugins.comparison.systems import build_systems, groups, with_defaults
from s2s_plugins.comparison.text import TextChoice, TextData, languages, read_references
from s2s_plugins.comparison.values import seeds_of
from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.lengths import MOST_LENGTHS, length_groups
from s2s_plugins.steps import StepError

SHARED = ["--encoder-embed-dim", "8", "--decoder-embed-dim", "8", "--attention=dot", "--clip-norm", "5"]


def systems(names, flags=SHARED, **own):
    return build_systems(names, flags, own)


def score(name, hypotheses, references):
    return metrics.metrics()[name].score(hypotheses, references)


def test_a_system_gets_the_flags_that_its_architecture_has():
    basic, peek, attention, lstm = systems(["basic_lstm", "peek_lstm", "attention_lstm", "lstm"])
    assert basic.flags == ("--encoder-embed-dim", "8", "--clip-norm", "5")
    assert basic.left_out == ("--decoder-embed-dim", "--attention")
    assert peek.flags == lstm.flags == (*SHARED[:4], "--clip-norm", "5") and peek.left_out == ("--attention",)
    assert attention.flags == tuple(SHARED) and attention.left_out == ()


def test_a_flag_that_no_architecture_has_is_left_to_fairseq():
    (peek,) = systems(["peek_lstm"], ["--attention", "dot", "--no-such-flag"])
    assert peek.flags == ("--no-such-flag",) and peek.left_out == ("--attention",)


def test_one_architecture_takes_part_twice_under_names_with_flags_of_their_own():
    one, other = systems(["attention_lstm", "luong=attention_lstm"], luong=["--attention-timing", "after"])
    assert (one.name, other.name, other.arch) == ("attention_lstm", "luong", "attention_lstm")
    assert other.flags == (*one.flags, "--attention-timing", "after")


@pytest.mark.parametrize(
    ("names", "own", "message"),
    [
        (["peek_lstm", "peek_lstm"], {}, "twice"),
        (["no_such"], {}, "no architecture"),
        (["a/b=peek_lstm"], {}, "slashes"),
        (["peek_lstm"], {"luong": ["--dropout", "0"]}, "for no system"),
    ],
)
def test_systems_that_make_no_sense(names, own, message):
    with pytest.raises(UsageError, match=message):
        systems(names, **own)


def test_flags_are_taken_with_their_values():
    assert list(groups(["--lr", "0.1", "0.2", "--residual", "--x=1", "--seed", "-1"])) == [
        ["--lr", "0.1", "0.2"],
        ["--residual"],
        ["--x=1"],
        ["--seed", "-1"],
    ]
    with pytest.raises(UsageError, match="'0.1'"):
        list(groups(["0.1", "--residual"]))


def test_defaults_make_room_for_what_is_given():
    plain = with_defaults([], 500, TextData.batch)
    assert plain[plain.index("--total-num-update") + 1] == "500" and "--max-tokens" in plain
    given = with_defaults(
        ["--lr-scheduler", "fixed", "--batch-size", "8", "--lr=0.1"], 500, TextData.batch, TextData.instead
    )
    assert "--total-num-update" not in given and "--max-tokens" not in given and "--lr" not in given
    assert given[:2] == ["--optimizer", "adam"]


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", [1, 2, 3]), ("4,7", [4, 7]), ("0,5", [0, 5])],
)
def test_seeds_are_a_number_of_them_or_a_list(text, seeds):
    assert seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["7,", "0", "1,1", "x", "-2", ""])
def test_other_seeds_are_an_error_with_the_remedy(text):
    with pytest.raises(UsageError, match=f"--seeds {text} is neither .*: use 3, or 4,7"):
        seeds_of(text)


def test_data_without_the_split_is_named(digits, tmp_path):
    assert languages(digits, ["test"]) == ("src", "tgt")
    with pytest.raises(UsageError, match="no test1 split"):
        languages(digits, ["test1"])
    with pytest.raises(UsageError, match="pair of languages"):
        languages(tmp_path, ["test"])
    with pytest.raises(UsageError, match="no folder"):
        languages(tmp_path / "none", ["test"])


def test_what_was_done_is_known_by_its_data_and_not_by_where_they_lie(digits, tmp_path):
    def steps(data):
        text = TextData(data, ["test"], TextChoice())
        train, decode = Plan(["peek_lstm"], Settings(out=tmp_path, updates=1), text).steps
        return train.settings, decode.settings

    copy = tmp_path / "moved"
    shutil.copytree(digits, copy)
    train, decode = steps(digits)
    assert steps(copy) == (train, decode)
    shutil.copy(copy / "valid.src-tgt.src.bin", copy / "test.src-tgt.src.bin")
    assert steps(copy)[0] == train and steps(copy)[1] != decode
    with open(copy / "dict.src.txt", "a") as dictionary:
        dictionary.write("new 1\n")
    assert steps(copy)[0] != train


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no test.tgt"),
        (b"1\n" * 12, "test.tgt has 12 lines for the 13 sentences"),
        (b"\xff\n", "is not UTF-8 text"),
    ],
)
def test_references_that_do_not_fit_the_data_are_named(digits, tmp_path, content, message):
    if content is not None:
        (tmp_path / "test.tgt").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_references(digits, ["test"], tmp_path, "src", "tgt")
    (tmp_path / "test.tgt").write_bytes(b"1 2\n" * 12 + b"\n")
    assert read_references(digits, ["test"], tmp_path, "src", "tgt") == {"test": ["1 2"] * 12 + [""]}


def test_exact_match_and_token_errors_are_counted():
    hypotheses, references = ["1 2 3", "4  5", "", "7"], ["1 2 3", "4 5", "6 6", "8 7"]
    assert score("exact", hypotheses, references) == 50
    assert score("token-error", hypotheses, references) == pytest.approx(100 * 3 / 9)


def test_bleu_and_chrf_are_those_of_sacrebleu():
    hypotheses, references = ["the cat sat on a mat .", "no dog"], ["the cat sat on the mat .", "no dogs"]
    assert score("bleu", hypotheses, references) == sacrebleu.corpus_bleu(hypotheses, [references], force=True).score
    assert score("chrf", hypotheses, references) == sacrebleu.corpus_chrf(hypotheses, [references]).score
    lines = metrics.signatures(metrics.choose(["exact", "bleu"]), "zh")
    assert len(lines) == 1 and "tok:zh" in lines[0] and lines[0].startswith("BLEU")


def test_rouge_counts_clipped_words():
    assert score("rouge1", ["a a a a"], ["a b"]) == pytest.approx(100 / 3)  # precision 1/4, recall 1/2
    assert score("rouge2", ["a b c"], ["a b d"]) == pytest.approx(50)
    assert score("rougeL", ["a x b y c"], ["a b c"]) == pytest.approx(75)
    assert score("rouge1", ["", "a"], ["b", "a"]) == pytest.approx(50)


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
def test_rouge_counts_chinese_characters_with_and_without_spaces(kind):
    assert score(kind, ["静 夜 思"], ["静夜思"]) == 100
    assert 0 < score(kind, ["静夜"], ["静夜思"]) < 100
    assert score(kind, ["春晓"], ["静夜思"]) == 0


def test_other_letters_are_words_of_rouge_too():
    assert metrics.rouge_words("Straße, ночь 北京2008 TAG_NUMBER") == [
        "Straße,",
        "ночь",
        "北",
        "京",
        "2008",
        "TAG_NUMBER",
    ]


def test_an_unknown_metric_is_named_beside_those_there_are():
    with pytest.raises(UsageError, match="meteor is not known: choose among exact"):
        metrics.choose(["exact", "meteor"])
    with pytest.raises(UsageError, match="empty"):
        metrics.choose([])


def test_decoded_text_is_read_in_the_order_of_the_test_set(tmp_path):
    path = tmp_path / "decoded.txt"
    path.write_text(
        "S-1\tb\nT-1\tB B\nH-1\t-0.3\tB\nD-1\t-0.3\tB\nP-1\t-0.1\nS-0\ta a\nT-0\tA\nH-0\t-0.2\t\nD-0\t-0.2\t\n"
        "H-0\t-0.9\tsecond best\nD-0\t-0.9\tsecond best\nGenerate test with beam=2: ...\n"
    )
    found = decoded.read_decoded(path)
    assert found.sources == ["a a", "b"] and found.references == ["A", "B B"] and found.hypotheses == ["", "B"]
    path.write_text("S-0\ta b\nT-0\tA B\nH-0\t-0.3\t\u2581A \u2581 B\nD-0\t-0.3\tA B\n", encoding="utf-8")
    assert decoded.read_decoded(path).hypotheses == ["A B"], "of --bpe sentencepiece"
    path.write_text("S-0\ta\nT-0\tA\n")
    with pytest.raises(StepError, match="lacks"):
        decoded.read_decoded(path)


def test_length_groups_hold_every_length_once():
    lengths = [3, 3, 5] + list(range(10, 60)) + [200]
    found = length_groups(lengths)
    assert len(found) <= MOST_LENGTHS
    assert all(sum(low <= length <= high for low, high in found) == 1 for length in lengths)
    assert length_groups([2, 7, 7]) == [(2, 2), (7, 7)]


def test_lengths_of_too_few_sentences_share_a_group():
    assert length_groups([]) == []
    assert length_groups([39, 48, 53] + [80] * 297) == [(39, 80)]
    assert length_groups([3] * 6 + [4] * 4 + [6] * 2 + [9] * 288) == [(3, 3), (4, 6), (9, 9)]
    assert length_groups([3] * 150 + [4] * 147 + [8, 9, 9]) == [(3, 3), (4, 9)]


def test_samples_are_spread_from_short_to_long():
    sources = ["x " * length for length in (9, 1, 5, 3, 7, 2)]
    assert decoded.sample_numbers(sources, 3) == [5, 2, 0]
    assert sorted(decoded.sample_numbers(sources, 99)) == list(range(6))


def test_a_report_says_what_stands_in_the_texts():
    run = {"seed": 1, "parameters": 1234, "tokens_per_second": 7.0, "sentences_per_second": 99.6, "train_seconds": 90}
    system = {"name": "a&b", "arch": "peek_lstm", "flags": ["--x", "<y>"], "left_out": [], "runs": [run]}
    samples = [{"number": 0, "source": "<b>", "reference": "r", "outputs": {"a&b": ""}}]
    subset = {"name": "test", "sentences": 8, "lengths": [], "samples": samples, "scores": {}, "by_length": {}}
    subset["scores"]["a&b"] = [{"seed": 1, "exact": 12.5}]
    results = {
        "kind": "text",
        "units": TextData.units,
        "title": "<i>t</i>",
        "machine": "m",
        "signatures": [],
        "settings": {"beam": 5, "updates": 3, "seeds": [1]},
        "metrics": [{"name": "exact", "title": "exact match %", "rises": True}],
        "systems": [system],
        "subsets": [subset],
    }
    page = report.page(results, {}, {})
    assert "&lt;i&gt;t&lt;/i&gt;" in page and "<td>&lt;b&gt;</td>" in page and "a&amp;b" in page and "(empty)" in page
    assert "12.50" in page and "1,234" in page and "Attention" not in page and "http" not in page
    printed = report.text_table(results, subset)
    assert "12.50" in printed and "1.5" in printed


def test_the_best_score_is_marked_and_seeds_are_spanned():
    run = {"parameters": 1, "tokens_per_second": 1, "sentences_per_second": 1, "train_seconds": 1}
    systems = [{"name": name, "runs": [run]} for name in ("a", "b")]
    subset = {"scores": {"a": [{"exact": 50, "error": 9}, {"exact": 70, "error": 9}], "b": [{"exact": 55, "error": 3}]}}
    metric = {"name": "exact", "title": "exact match %", "rises": True}
    results = {"metrics": [metric, {"name": "error", "title": "error", "rises": False}], "systems": systems}
    results["units"] = TextData.units
    results["subsets"] = [subset]
    _, (a, b) = report.table(results, subset)
    assert [cell["best"] for cell in a["cells"][:2]] == [True, False]
    assert [cell["best"] for cell in b["cells"][:2]] == [False, True]
    assert (a["cells"][0]["text"], a["cells"][0]["seeds"]) == ("60.00", "50.00–70.00")
    assert (b["cells"][0]["text"], b["cells"][0]["seeds"]) == ("55.00", "")


def test_values_that_make_no_sense_are_refused_before_anything_is_read(tmp_path):
    for make, message in (
        (lambda: Settings(tmp_path, updates=0), "--updates 0 is too small: use 1 or more"),
        (lambda: TextChoice(beam=0), "--beam 0 is too small"),
        (lambda: TextData(tmp_path, [], TextChoice()), "--subset is empty: name a split"),
        (lambda: TextChoice(samples=-1), "--samples -1 is too small: use 0 or more"),
        (lambda: TextChoice(attention_maps=-1), "--attention-maps -1 is too small"),
    ):
        with pytest.raises(UsageError, match=message):
            make()
