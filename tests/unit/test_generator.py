"""Our beam search finds what fairseq's does, for every model; or better."""

from argparse import Namespace
from random import Random

import pytest
import torch
import torch.nn.functional as F
from conftest import ARCHITECTURES, batch_of, build_model, dictionary, translation_task
from fairseq.dataclass.configs import FairseqConfig, GenerationConfig
from fairseq.sequence_generator import SequenceGenerator, SequenceGeneratorWithAlignment
from test_decoders import VARIANTS, title

from s2s_plugins.errors import UsageError
from s2s_plugins.models.adapters import Autocast
from s2s_plugins.models.generator import AligningGenerator, RecurrentGenerator
from s2s_plugins.nn.fast.folded import FoldedDecoder
from s2s_plugins.nn.steps import PlainSteps

SOURCES = [[1, 2, 3, 4, 5], [6, 7], [8], [9, 9, 1, 0], [3], [0, 5, 5, 2, 7, 7], [4, 4]]
FOLDING = [variant for variant in VARIANTS if variant[1].get("rnn_cell") != "gru"]


class FairseqsEnd(RecurrentGenerator):
    """Ours, but for where a search ends."""

    patient = False


class AligningFairseqsEnd(AligningGenerator):
    patient = False


@pytest.fixture
def task():
    return translation_task(dictionary(), dictionary())


def with_features(task, flags):
    """The task, and sources; if the model sees features, some have them."""
    if "features_as" not in flags:
        return task, SOURCES
    return translation_task(dictionary(features=2), dictionary()), [["⟦0⟧", *SOURCES[0]], *SOURCES[1:]]


def sharp_model(task, arch, seed=1, leaning=0.5, aligns=None, **flags):
    """A model in inference mode whose distributions are not flat, and that leans to the end of sentence."""
    model = build_model(arch, task, seed=seed, **flags)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6)
        core = model.decoder.core
        getattr(core, core.vocabulary).bias[task.target_dictionary.eos()] += leaning
    model.prepare_for_inference_(FairseqConfig(generation=GenerationConfig(print_alignment=aligns)))
    return model


def generate(task, models, generator_class, sources=SOURCES, bos_token=None, never=None, **options):
    config = GenerationConfig(**{"beam": 4, "max_len_b": 12, **options})
    generator = task.build_generator(models, config, seq_gen_cls=generator_class)
    if never is not None:
        generator.token_indices_to_suppress = never
    with torch.no_grad():
        return generator, generator.generate(models, batch_of(task, sources), bos_token=bos_token)


def assert_same_search(task, models, sources=SOURCES, **options):
    assert type(task.build_generator(models, GenerationConfig())) is RecurrentGenerator
    generator, own = generate(task, models, FairseqsEnd, sources, **options)
    never = generator.token_indices_to_suppress
    _, expected = generate(task, models, SequenceGenerator, sources, never=never, **options)
    assert len(own) == len(expected) == len(sources)
    for found, wanted in zip(own, expected):
        assert [h["tokens"].tolist() for h in found] == [h["tokens"].tolist() for h in wanted]
        for one, other in zip(found, wanted):
            assert set(one) == set(other)
            torch.testing.assert_close(one["score"], other["score"], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(one["positional_scores"], other["positional_scores"], atol=1e-4, rtol=1e-4)
    return own


@pytest.mark.parametrize("variant", VARIANTS, ids=title)
def test_the_same_hypotheses_and_scores_as_fairseqs_loop(variant, task):
    arch, flags = variant
    task, sources = with_features(task, flags)
    leaning = 0.25 if "attention_alignment" in flags else 0.5
    found = assert_same_search(task, [sharp_model(task, arch, leaning=leaning, **flags)], sources)
    if arch != "basic_lstm" and variant in FOLDING:
        ends = {max(len(hypothesis["tokens"]) for hypothesis in hypotheses) for hypotheses in found}
        assert len(ends) > 1  # some sentences leave the batch before others


def test_nothing_is_written_of_features_that_attention_copies():
    task = translation_task(dictionary(features=2), dictionary())
    model = sharp_model(task, "attention_lstm", copy=True)
    with torch.no_grad():
        model.decoder.core.copying.gate.bias.fill_(20)
    bos = task.target_dictionary.bos()
    for options in ({}, {"no_repeat_ngram_size": 9}):  # our search, and fairseq's loop
        _, found = generate(task, [model], RecurrentGenerator, [["⟦0⟧", "⟦1⟧", 3], ["⟦0⟧", 5]], **options)
        assert not any((one["tokens"] == bos).any() for hypotheses in found for one in hypotheses[:1])


@pytest.mark.parametrize(
    "options",
    [
        {"beam": 1},
        {"beam": 2},
        {"beam": 12},
        {"beam": 4, "nbest": 4, "lenpen": 0.3},
        {"unnormalized": True},
        {"min_len": 4},
        {"max_len_a": 0.5, "max_len_b": 1},
        {"unkpen": 3.0},
        {"unkpen": -9.0},
        {"temperature": 1.7},
        {"max_len_b": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("arch", ["attention_lstm", "feedback_lstm"])
def test_the_same_under_every_option(arch, options, task):
    assert_same_search(task, [sharp_model(task, arch)], **options)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_same_for_other_weights(arch, seed, task):
    assert_same_search(task, [sharp_model(task, arch, seed=seed, leaning=seed / 3)], beam=5)


@pytest.mark.parametrize("alignment", ["hard", "soft"])
@pytest.mark.parametrize("timing", ["before", "after"])
def test_alignments_are_those_of_fairseqs_loop(alignment, timing, task):
    flags = {"attention_timing": timing, "aligns": alignment}
    models = [sharp_model(task, "attention_lstm", seed, **flags) for seed in (1, 2)]
    chosen = type(task.build_generator(models, GenerationConfig(print_alignment=alignment)))
    assert chosen is AligningGenerator
    results = [
        generate(task, models, kind, print_alignment=alignment)[1]
        for kind in (AligningFairseqsEnd, SequenceGeneratorWithAlignment)
    ]
    for own, expected in zip(*results):
        assert len(own) == len(expected)
        for one, other in zip(own, expected):
            assert one["tokens"].tolist() == other["tokens"].tolist()
            torch.testing.assert_close(one["attention"], other["attention"], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(torch.tensor(one["alignment"]), torch.tensor(other["alignment"]))


def test_replacing_unknown_words_needs_alignments(task):
    model = sharp_model(task, "attention_lstm", aligns="hard")
    generator = task.build_generator([model], Namespace(replace_unk="@@ ", beam=2, max_len_b=9))
    assert type(generator) is AligningGenerator
    with torch.no_grad():
        found = generator.generate([model], batch_of(task, SOURCES))
    assert all(len(h["alignment"]) == len(h["tokens"]) - 1 for hypotheses in found for h in hypotheses)


def sure_model(task, sources, targets):
    """A model that knows ``targets`` by heart."""
    model = build_model("feedback_lstm", task, dropout=0, decoder_hidden_size=64, encoder_hidden_size=64)
    batch = batch_of(task, sources, targets)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        logits = model(**batch["net_input"])[0]
        loss = F.cross_entropy(
            logits.flatten(0, 1), batch["target"].flatten(), ignore_index=task.target_dictionary.pad()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.05
    model.eval().prepare_for_inference_(FairseqConfig())
    return model


def test_a_search_goes_on_while_an_unfinished_hypothesis_is_more_probable_than_all_that_ended(task):
    random = Random(1)
    digits = [random.randrange(10) for _ in range(28)]
    targets = [digits[: 4 * count] for count in range(1, 8)]  # each could end where another one ends
    model = sure_model(task, SOURCES, targets)
    expected = [task.target_dictionary.encode_line(" ".join(map(str, target))).tolist() for target in targets]
    best = {
        kind: [h[0]["tokens"].tolist() for h in generate(task, [model], kind, beam=5, max_len_b=40)[1]]
        for kind in (None, FairseqsEnd)
    }
    assert best[None] == expected
    assert len(best[FairseqsEnd][-1]) < len(expected[-1])  # a stump


def test_a_search_goes_on_no_longer_than_that(task, monkeypatch):
    digits = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]
    targets = [digits[:4], digits]
    model = sure_model(task, SOURCES[:2], targets)
    steps = []
    step = FoldedDecoder.step
    monkeypatch.setattr(FoldedDecoder, "step", lambda self, *args: steps.append(kind) or step(self, *args))
    for kind in (RecurrentGenerator, FairseqsEnd):
        generate(task, [model], kind, SOURCES[:1], beam=5, max_len_b=40)
    assert steps.count(RecurrentGenerator) == steps.count(FairseqsEnd) >= 5  # the short one is the most probable


@pytest.mark.parametrize("nbest", [1, 4])
def test_a_longer_search_keeps_the_best_that_ended(nbest, task):
    model = sure_model(task, SOURCES, [source[:1] * 12 for source in SOURCES])
    own, fairseqs = (generate(task, [model], kind, nbest=nbest, max_len_b=20)[1] for kind in (None, FairseqsEnd))
    for mine, theirs in zip(own, fairseqs):
        assert len(mine) == len(theirs) == 4
        assert all(one["score"] >= other["score"] - 1e-6 for one, other in zip(mine, theirs))
        assert [float(h["score"]) for h in mine] == sorted((float(h["score"]) for h in mine), reverse=True)


def test_one_beam_is_greedy_and_ends_where_it_says_so(task):
    for seed in range(6):
        model = sharp_model(task, "attention_lstm", seed=seed)
        own, greedy = (generate(task, [model], kind, beam=1)[1] for kind in (None, SequenceGenerator))
        assert [h[0]["tokens"].tolist() for h in own] == [h[0]["tokens"].tolist() for h in greedy]


def test_an_ensemble_finds_the_same(task):
    models = [sharp_model(task, "attention_lstm", seed=1), sharp_model(task, "peek_lstm", seed=2)]
    assert_same_search(task, models, temperature=0.8)


def test_another_first_token_is_obeyed(task):
    model = sharp_model(task, "attention_lstm")
    first = assert_same_search(task, [model], bos_token=task.target_dictionary.index("3"))
    assert [h[0]["tokens"].tolist() for h in first] != [
        h[0]["tokens"].tolist() for h in generate(task, [model], None)[1]
    ]


def test_long_sources_whose_memory_is_not_projected_give_the_same(task):
    model = sharp_model(task, "attention_lstm", encoder_bidirectional=True)
    long = [[digit % 10 for digit in range(length)] for length in (30, 17, 3)]
    states = []
    start = FoldedDecoder.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FoldedDecoder, "start", lambda self, *args: states.append(start(self, *args)) or states[-1])
        assert_same_search(task, [model], sources=long, beam=2)
        assert_same_search(task, [model], sources=long, beam=8)
    assert [state.projected for state in states] == [False, True]


@pytest.mark.parametrize("variant", FOLDING, ids=title)
@pytest.mark.parametrize("table", [True, False], ids=["table", "no-table"])
def test_folded_steps_give_the_decoders_logits(variant, table, task, monkeypatch):
    if not table:
        monkeypatch.setattr("s2s_plugins.nn.fast.folded._TABLE_LIMIT", 0)
    arch, flags = variant
    task, sources = with_features(task, flags)
    model = sharp_model(task, arch, **flags)
    net_input = batch_of(task, sources[:3], [[5, 4, 3], [7, 6, 1, 2], [8, 8, 8]])["net_input"]
    rows = torch.tensor([0, 0, 1, 1, 2, 2])
    with torch.no_grad():
        encoder_output = model.encoder(net_input["src_tokens"])
        folded = model.decoder.core.fold()
        assert folded.table is None or table
        state = folded.start(encoder_output, beams=2).reorder(rows, None)
        plain = model.decoder.core.start(encoder_output).reorder(rows)
        for tokens in net_input["prev_output_tokens"][rows].unbind(1):
            logits, state = folded.step(tokens, state)
            output, plain = model.decoder.core.step(tokens, plain)
            torch.testing.assert_close(logits, output.logits[:, 0], atol=1e-4, rtol=1e-4)


def test_a_weight_that_changes_is_folded_anew(task):
    model = sharp_model(task, "attention_lstm")
    before = generate(task, [model], None)[1]
    with torch.no_grad():
        model.decoder.core.embed_tokens.weight.neg_()  # folded into a table of its own
    after = assert_same_search(task, [model])
    assert [float(h[0]["score"]) for h in before] != [float(h[0]["score"]) for h in after]


@pytest.mark.parametrize(
    "options", [{"sampling": True}, {"diverse_beam_groups": 2}, {"no_repeat_ngram_size": 2}, {"match_source_len": True}]
)
def test_what_is_more_than_a_beam_search_is_fairseqs(options, task, monkeypatch):
    monkeypatch.setattr("s2s_plugins.models.generator.beam_search", None)
    model = sharp_model(task, "attention_lstm")
    results = []
    for generator_class in (None, SequenceGenerator):
        torch.manual_seed(5)
        results.append(generate(task, [model], generator_class, **options)[1])
    assert [[h["tokens"].tolist() for h in hs] for hs in results[0]] == [
        [h["tokens"].tolist() for h in hs] for hs in results[1]
    ]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_sampling_draws_from_the_most_probable_at_the_temperature(arch, task):
    model = sharp_model(task, arch)
    flags = {"sampling": True, "sampling_topk": 4, "temperature": 2.5, "beam": 1, "max_len_b": 1}
    torch.manual_seed(2)
    drawn = [answer[0]["tokens"][0] for answer in generate(task, [model], None, [[1, 2, 3]] * 4000, **flags)[1]]
    with torch.no_grad():
        logits = model(**batch_of(task, [[1, 2, 3]], [[1]])["net_input"])[0][0, 0] / 2.5
    for symbol in (task.target_dictionary.pad(), task.target_dictionary.eos()):  # --min-len is 1
        logits[symbol] = float("-inf")
    best, tokens = logits.topk(4)
    expected = torch.zeros_like(logits).scatter(0, tokens, best.softmax(0))
    found = torch.bincount(torch.stack(drawn), minlength=len(logits)) / 4000
    torch.testing.assert_close(found, expected, atol=0.04, rtol=0)  # five standard deviations
    assert found.count_nonzero() == 4  # were it not for the temperature, some would be too rare


@pytest.mark.parametrize(
    "name, value", [("lm_model", object()), ("match_source_len", True), ("repeat_ngram_blocker", object())]
)
def test_a_generator_that_was_given_more_than_a_beam_search_knows_it(name, value, task):
    model = sharp_model(task, "attention_lstm")
    generator = task.build_generator([model], GenerationConfig())
    assert generator._searches_plainly()
    setattr(generator, name, value)
    assert not generator._searches_plainly()


def test_a_model_that_keeps_dropout_does_not_fold(task):
    keeping = GenerationConfig(retain_dropout=True, retain_dropout_modules=["decoder"])
    for config, folds in ((FairseqConfig(), True), (FairseqConfig(generation=keeping), False)):
        model = build_model("attention_lstm", task, dropout=0.5)
        model.prepare_for_inference_(config)
        assert model.decoder.folds() == folds


@pytest.mark.parametrize(
    "flags", [{"rnn_cell": "gru"}, {"adaptive_softmax_cutoff": "5,8"}, {"rnn_cell": "gru", "attention_timing": "after"}]
)
def test_steps_that_are_not_folded_score_as_the_decoder_does_under_autocast(flags, task, monkeypatch):
    monkeypatch.setattr(Autocast, "supported", staticmethod(lambda device: True))
    model = build_model("attention_lstm", task, autocast="bf16", **flags)
    model.prepare_for_inference_(FairseqConfig())
    net_input = batch_of(task, SOURCES[:3], [[5, 4, 3], [7, 6, 1], [8, 8, 8]])["net_input"]
    prefix = net_input["prev_output_tokens"]
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        steps = model.steps()
        state = steps.start(model.encode(net_input["src_tokens"]), beams=1)
        whole = model.get_normalized_probs(model(**net_input), log_probs=True)
        for place in range(prefix.size(1)):
            logits, state = steps.step(prefix[:, place], state)
            assert logits.dtype == torch.float32
            torch.testing.assert_close(logits.log_softmax(-1), whole[:, place].float(), atol=2e-2, rtol=0)


@pytest.mark.parametrize("flags", [{}, {"rnn_cell": "gru"}, {"adaptive_softmax_cutoff": "5,8"}], ids=str)
def test_a_model_that_does_not_fold_is_searched_by_its_own_steps(flags, task):
    model = build_model("attention_lstm", task, **flags)
    model.prepare_for_inference_(FairseqConfig())
    assert isinstance(model.steps(), PlainSteps) == bool(flags)
    assert_same_search(task, [model])


def test_a_shortest_output_longer_than_the_longest_is_named(task):
    with pytest.raises(UsageError, match="--min-len 9 is more than the longest output allowed, 4"):
        generate(task, [sharp_model(task, "peek_lstm")], None, min_len=9, max_len_b=4)
