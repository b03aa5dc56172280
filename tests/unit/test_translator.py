"""A checkpoint as an object: translations, and where the model looks."""

import shutil

import numpy as np
import pytest
import torch
from conftest import digit_pairs

from s2s_plugins.errors import UsageError
from s2s_plugins.models.translator import load_translator

TINY_LSTM = ("--encoder-embed-dim", 16, "--decoder-embed-dim", 16, "--decoder-out-embed-dim", 16)
LINES = ["1 2 3 4 5 6 7", "4", "9 8 7", "0 0", "5 6 7 8 9"]


@pytest.fixture(scope="module")
def translator(trained):
    return load_translator(str(trained["attention_lstm"]))


@pytest.fixture(scope="module")
def fairseqs_lstm(commands, digits):
    """A checkpoint of fairseq's own architecture, and a copy of the data that it was trained on, which is gone."""
    data, folder = commands.folder / "lstm-data", commands.folder / "fairseqs-lstm"
    shutil.copytree(digits, data)
    sizes = (*TINY_LSTM, "--encoder-hidden-size", 16, "--decoder-hidden-size", 16)
    commands.train(data, "lstm", folder, "--max-epoch", 3, *sizes)
    shutil.rmtree(data)
    return folder / "checkpoint_last.pt"


def test_a_checkpoint_translates_as_fairseq_generate_does_in_the_order_of_the_data(commands, digits, trained):
    for arch in ("attention_lstm", "peek_lstm"):
        result = commands.generate(digits, "--path", trained[arch], "--beam", 4)
        translator = load_translator(str(trained[arch]), str(digits))
        found = translator.translate(translator.read("test"), beam=4, batch_size=5)
        assert [" ".join(hypotheses[0].tokens) for hypotheses in found] == result.hypotheses()
        scores = [float(line.split("\t")[0]) for line in result.lines("H")]
        log_2 = torch.tensor(2.0).log().item()
        assert [hypotheses[0].score / log_2 for hypotheses in found] == pytest.approx(scores, abs=1e-4)


def test_the_dictionaries_come_from_the_checkpoint(commands, digits, trained, tmp_path):
    data = shutil.copytree(digits, tmp_path / "data")
    save_dir = tmp_path / "model"
    commands.train(data, "attention_lstm_tiny", save_dir, "--max-epoch", 1)
    path = str(save_dir / "checkpoint_last.pt")
    with_data = [hypotheses[0].tokens for hypotheses in load_translator(path, str(data)).translate(LINES)]
    shutil.rmtree(data)
    assert [hypotheses[0].tokens for hypotheses in load_translator(path).translate(LINES)] == with_data


def test_the_best_translations_come_best_first(translator):
    for hypotheses in translator.translate(LINES, beam=6, nbest=4):
        assert len(hypotheses) == 4
        assert len({tuple(hypothesis.tokens) for hypothesis in hypotheses}) == 4
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert all("</s>" not in hypothesis.tokens for hypothesis in hypotheses)


def test_no_output_has_symbols_that_only_the_dictionary_has(translator):
    beam = len(translator.task.target_dictionary) - 2
    (hypotheses,) = translator.translate(LINES[:1], beam, beam, search={"min_len": 1, "max_len_a": 0, "max_len_b": 1})
    assert {token for hypothesis in hypotheses for token in hypothesis.tokens} == {*"0123456789", "<unk>"}


def test_a_sentence_alone_and_in_a_batch_of_other_lengths_is_the_same_in_its_place(translator):
    together = translator.attend(LINES)
    for line, found in zip(LINES, together):
        assert found.source == [*line.split(), "</s>"]
        (alone,) = translator.attend([line])
        assert (alone.source, alone.target) == (found.source, found.target)
        torch.testing.assert_close(torch.tensor(alone.weights), torch.tensor(found.weights), atol=1e-5, rtol=1e-4)


def test_every_row_of_weights_adds_up_to_1_over_the_real_tokens(translator):
    for found in translator.attend(LINES, batch_size=4):
        assert found.weights.shape == (len(found.target), len(found.source))
        assert found.weights.sum(1) == pytest.approx(1, abs=1e-5)
        assert "<pad>" not in found.source + found.target
        assert found.target[-1] == "</s>" and "</s>" not in found.output


def test_the_weights_are_those_of_the_search_that_found_the_output(commands, digits, trained, translator):
    flags = ("--path", trained["attention_lstm"], "--beam", 5, "--print-alignment", "soft")
    printed = commands.generate(digits, *flags).lines("A")
    reader = load_translator(str(trained["attention_lstm"]), str(digits))
    alignments = reader.attend(reader.read("test"))
    assert len(printed) == len(alignments) == 13
    for line, found in zip(printed, alignments):
        rows = [[float(weight) for weight in row.split(",")] for row in line.split()]
        assert found.weights == pytest.approx(torch.tensor(rows).numpy(), abs=1e-5)


def test_any_attention_and_any_side_of_the_padding_will_do(commands, digits):
    flags = ("--attention", "concat", "--attention-timing", "after", "--attention-coverage", "--rnn-cell", "gru")
    folder = commands.folder / "other-attention"
    commands.train(digits, "attention_lstm_tiny", folder, "--max-epoch", 2, *flags)
    path = str(folder / "checkpoint_last.pt")
    translator = load_translator(path, overrides={"left_pad_source": False, "left_pad_target": True})
    assert not translator.task.cfg.left_pad_source and load_translator(path).task.cfg.left_pad_source
    for line, found in zip(LINES, translator.attend(LINES)):
        (alone,) = translator.attend([line])
        assert (alone.source, alone.target) == (found.source, found.target)
        assert found.weights.sum(1) == pytest.approx(1, abs=1e-5)
        torch.testing.assert_close(torch.tensor(alone.weights), torch.tensor(found.weights), atol=1e-5, rtol=1e-4)


def test_a_word_that_the_dictionary_lacks_is_shown_as_it_is_and_marked(translator):
    (found,) = translator.attend(["1 seven 2"])
    assert found.source == ["1", "seven", "2", "</s>"]
    assert found.unknown == [1]


def test_a_split_has_references_and_a_limit(digits, trained):
    translator = load_translator(str(trained["attention_lstm"]), str(digits))
    sentences = translator.read("valid", limit=4)
    pairs = digit_pairs(11, 2)[:4]
    assert [" ".join(sentence.tokens) for sentence in sentences] == [f"{source} </s>" for source, _ in pairs]
    assert [" ".join(sentence.reference) for sentence in sentences] == [target for _, target in pairs]
    assert len(translator.read("test", limit=1000)) == 13
    alignments = translator.attend(sentences)
    assert [found.is_right for found in alignments] == [found.output == found.reference for found in alignments]


def test_fairseqs_own_lstm_attends_too_with_a_data_folder(digits, fairseqs_lstm):
    translator = load_translator(str(fairseqs_lstm), str(digits))
    together = translator.attend(LINES, batch_size=5)
    for line, found in zip(LINES, together):
        (alone,) = translator.attend([line])
        assert found.weights.sum(1) == pytest.approx(1, abs=1e-5)
        assert found.target == alone.target
        torch.testing.assert_close(torch.tensor(alone.weights), torch.tensor(found.weights), atol=1e-5, rtol=1e-4)


def test_fairseqs_own_lstm_scores_given_targets_as_its_search_does(digits, fairseqs_lstm):
    translator = load_translator(str(fairseqs_lstm), str(digits))
    found = [hypotheses[0] for hypotheses in translator.translate(LINES)]
    pairs = [(line, " ".join(one.tokens)) for line, one in zip(LINES, found)]
    for scored, one in zip(translator.score(pairs), found):
        assert scored.tokens == one.tokens and scored.score == pytest.approx(one.score, abs=1e-4)
    twice = load_translator(str(fairseqs_lstm), str(digits), ensemble=[str(fairseqs_lstm)])
    assert [one.score for one in twice.score(pairs)] == pytest.approx([one.score for one in found], abs=1e-4)


def test_a_search_takes_fairseqs_options_by_name(translator):
    def found(**search):
        torch.manual_seed(3)
        return [hypotheses[0].tokens for hypotheses in translator.translate(LINES, beam=1, search=search)]

    assert {len(tokens) for tokens in found(min_len=2, max_len_b=2)} == {2}
    assert all(set(tokens) <= {"<unk>"} for tokens in found(unkpen=-1000, max_len_b=3))
    drawn = found(sampling=True, temperature=2.0)
    assert drawn == found(sampling=True, temperature=2.0) != found()
    with pytest.raises(UsageError, match="top_k is no option of a search: fairseq-generate --help lists them"):
        found(top_k=5)


def test_what_cannot_be_loaded_is_said_in_one_line(digits, trained, fairseqs_lstm, commands, tmp_path):
    with pytest.raises(UsageError, match="carry its dictionaries.*lstm-data, is gone: name a copy with --data"):
        load_translator(str(fairseqs_lstm))
    with pytest.raises(UsageError, match="no/such.pt does not exist"):
        load_translator("no/such.pt")
    (tmp_path / "words.pt").write_text("not a checkpoint")
    with pytest.raises(UsageError, match="words.pt is not a checkpoint"):
        load_translator(str(tmp_path / "words.pt"))
    other = shutil.copytree(digits, tmp_path / "other")
    lines = (other / "dict.src.txt").read_text().splitlines()
    (other / "dict.src.txt").write_text("\n".join(["x 1", *lines[1:], "y 1"]) + "\n")
    with pytest.raises(UsageError, match="another source dictionary: symbol 4 is '.' in it and 'x' in the data's"):
        load_translator(str(trained["attention_lstm"]), str(other))
    with pytest.raises(UsageError, match=r"does not fit the data .*size mismatch"):
        load_translator(str(fairseqs_lstm), str(other))


@pytest.mark.parametrize("arch", ["basic_lstm", "feedback_lstm", "peek_lstm"])
def test_a_model_without_attention_says_which_have_it(trained, arch):
    translator = load_translator(str(trained[arch]))
    assert not translator.has_attention
    with pytest.raises(UsageError, match="without attention: use one of --arch attention_lstm"):
        translator.attend(LINES)


def test_settings_out_of_range_are_named(translator):
    for settings, message in (
        ({"beam": 0}, "--beam 0 is too small"),
        ({"batch_size": 0}, "--batch-size 0 is too small"),
        ({"beam": 2, "nbest": 3}, "--nbest 3 is more than --beam 2 finds"),
    ):
        with pytest.raises(UsageError, match=message):
            translator.translate(LINES, **settings)
    with pytest.raises(UsageError, match=r"line 2 has 1202 tokens, </s> included, and the model takes 1024"):
        translator.encode(["1", "1 " * 1201])


def test_a_beam_wider_than_the_symbols_finds_what_there_is(translator):
    symbols = len(translator.target)
    (wide,), (widest,) = (translator.translate(LINES[:1], beam, beam) for beam in (symbols + 20, symbols - 2))
    assert [one.tokens for one in wide] == [one.tokens for one in widest]


def test_a_model_of_too_short_outputs_is_named(trained):
    with pytest.raises(UsageError, match="has outputs of 1 tokens, </s> included .--max-target-positions"):
        load_translator(str(trained["peek_lstm"]), overrides={"max_target_positions": 1})


def test_what_is_no_list_or_is_said_twice_is_named(translator):
    with pytest.raises(UsageError, match="one string is not a list of lines"):
        translator.translate("1 2 3")
    with pytest.raises(UsageError, match="beam is an argument of its own"):
        translator.translate(LINES, search={"beam": 3})
    (sentence,) = translator.encode(["1 2"])
    with pytest.raises(UsageError, match="sentence 1 has 1200 tokens"):
        translator.translate([sentence._replace(numbers=[5] * 1199 + [2])])


def test_an_ensemble_looks_where_its_models_look_in_the_mean(trained):
    path = str(trained["attention_lstm"])
    one, two = load_translator(path), load_translator(path, ensemble=[path])
    for alone, together in zip(one.attend(LINES), two.attend(LINES)):
        assert alone.target == together.target
        np.testing.assert_allclose(alone.weights, together.weights, atol=1e-5)
    sentences = two.encode(LINES[:1])
    with pytest.raises(UsageError, match="an ensemble looks with each of its models"):  # at an output that is given
        two.align(sentences, two.translate(sentences)[0])
