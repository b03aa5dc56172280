"""fairseq's search over our models: beams, ensembles, constraints, alignments."""

import math

import pytest
import torch
from conftest import ARCHITECTURES, batch_of, build_model, dictionary, translation_task
from fairseq.dataclass.configs import GenerationConfig
from fairseq.sequence_generator import EnsembleModel, SequenceGenerator

SOURCES = [[1, 2, 3, 4, 5], [6, 7], [8]]


@pytest.fixture
def task():
    return translation_task(dictionary(), dictionary())


def sharp_model(arch, task, seed=1, **flags):
    """A model whose distributions are not flat, so that searches have something to find."""
    model = build_model(arch, task, seed=seed, encoder_bidirectional=True, **flags)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6)
    return model.eval()


def generate(task, models, batch, constraint_tensor=None, prefix_tokens=None, **options):
    config = GenerationConfig(beam=options.pop("beam", 1), max_len_b=options.pop("max_len_b", 12))
    for key, value in options.items():
        setattr(config, key, value)
    generator = task.build_generator(models, config)
    return task.inference_step(generator, models, batch, prefix_tokens=prefix_tokens, constraints=constraint_tensor)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_beam_one_equals_greedy(arch, task):
    model = sharp_model(arch, task)
    hypotheses = generate(task, [model], batch_of(task, SOURCES))
    eos, pad = task.target_dictionary.eos(), task.target_dictionary.pad()
    for source, (best,) in zip(SOURCES, hypotheses):
        tokens, score = [eos], 0.0
        while len(tokens) == 1 or tokens[-1] != eos:
            encoder_out = model.encoder(batch_of(task, [source])["net_input"]["src_tokens"])
            logits = model.decoder(torch.tensor([tokens]), encoder_out)[0][0, -1]
            log_probabilities = torch.log_softmax(logits, dim=-1)
            log_probabilities[pad] = -math.inf
            if len(tokens) == 1:
                log_probabilities[eos] = -math.inf  # fairseq's --min-len 1
            if len(tokens) == 13:
                log_probabilities[torch.arange(len(log_probabilities)) != eos] = -math.inf
            tokens.append(int(log_probabilities.argmax()))
            score += float(log_probabilities[tokens[-1]])
        assert best["tokens"].tolist() == tokens[1:]
        assert float(best["score"]) == pytest.approx(score / (len(tokens) - 1), abs=1e-4)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_beam_scores_are_the_models_own(arch, task):
    model = sharp_model(arch, task)
    batch = batch_of(task, SOURCES)
    for source, hypotheses in zip(SOURCES, generate(task, [model], batch, beam=4)):
        assert len(hypotheses) == 4
        for hypothesis in hypotheses:
            tokens = hypothesis["tokens"]
            shifted = torch.cat([tokens[-1:], tokens[:-1]]).unsqueeze(0)
            encoder_out = model.encoder(batch_of(task, [source])["net_input"]["src_tokens"])
            logits = model.decoder(shifted, encoder_out)[0][0]
            own = torch.log_softmax(logits, -1).gather(1, tokens.unsqueeze(1)).squeeze(1)
            torch.testing.assert_close(hypothesis["positional_scores"], own, atol=1e-4, rtol=1e-4)


def test_an_ensemble_of_two_architectures_averages_their_probabilities(task):
    models = [sharp_model("attention_lstm", task, seed=1), sharp_model("peek_lstm", task, seed=2)]
    batch = batch_of(task, SOURCES)
    for source, (best, *_) in zip(SOURCES, generate(task, models, batch, beam=3)):
        tokens = best["tokens"]
        shifted = torch.cat([tokens[-1:], tokens[:-1]]).unsqueeze(0)
        single = batch_of(task, [source])["net_input"]["src_tokens"]
        probabilities = sum(
            torch.softmax(model.decoder(shifted, model.encoder(single))[0][0], -1) for model in models
        ) / len(models)
        own = probabilities.log().gather(1, tokens.unsqueeze(1)).squeeze(1)
        torch.testing.assert_close(best["positional_scores"], own, atol=1e-4, rtol=1e-4)


def test_models_without_incremental_state_decode_to_the_same(task):
    model = sharp_model("attention_lstm", task)
    batch = batch_of(task, SOURCES)
    ensemble = EnsembleModel([model])
    ensemble.has_incremental = False
    whole = SequenceGenerator(ensemble, task.target_dictionary, beam_size=3, max_len_b=12).generate([model], batch)
    steps = generate(task, [model], batch, beam=3)
    for one, other in zip(whole, steps):
        assert [h["tokens"].tolist() for h in one] == [h["tokens"].tolist() for h in other]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_batch_decodes_as_its_sentences_do_alone(arch, task):
    # seeds and a leaning to the end with which some sentences end early, and leave the batch while others go on
    model = sharp_model(arch, task, seed=4 if arch == "basic_lstm" else 1)
    with torch.no_grad():
        model.decoder.core.output_layer.bias[task.target_dictionary.eos()] += 0 if arch == "basic_lstm" else 0.5
    sources = [[1, 2, 3, 4, 5], [6, 7], [8], [9, 9, 1, 0], [3], [0, 5, 5, 2, 7, 7]]
    together = generate(task, [model], batch_of(task, sources), beam=3)
    alone = [generate(task, [model], batch_of(task, [source]), beam=3)[0] for source in sources]
    for found, expected in zip(together, alone):
        assert [h["tokens"].tolist() for h in found] == [h["tokens"].tolist() for h in expected]
        for one, other in zip(found, expected):
            torch.testing.assert_close(one["score"], other["score"], atol=1e-5, rtol=1e-4)
    assert len({max(len(h["tokens"]) for h in hypotheses) for hypotheses in together}) > 1


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_constraints_and_prefixes_are_kept(arch, task):
    from fairseq.token_generation_constraints import pack_constraints

    model = sharp_model(arch, task)
    encode = lambda text: task.target_dictionary.encode_line(text, append_eos=False).long()  # noqa: E731
    batch = batch_of(task, SOURCES)
    constraints = pack_constraints([[encode("3 1")], [encode("9")], [encode("0"), encode("2")]])
    found = generate(task, [model], batch, constraint_tensor=constraints, beam=5, constraints="ordered")
    texts = [task.target_dictionary.string(hypotheses[0]["tokens"]) for hypotheses in found]
    assert "3 1" in texts[0] and "9" in texts[1] and texts[2].index("0") < texts[2].index("2")
    prefix = torch.stack([encode("4 4"), encode("5 6"), encode("7 0")])
    found = generate(task, [model], batch, prefix_tokens=prefix, beam=3)
    assert all(h["tokens"][:2].tolist() == p.tolist() for hs, p in zip(found, prefix) for h in hs)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_sampling_is_seeded_and_diverse_beams_differ(arch, task):
    model = sharp_model(arch, task)
    batch = batch_of(task, SOURCES)

    def sample(seed):
        torch.manual_seed(seed)
        found = generate(task, [model], batch, beam=3, sampling=True, sampling_topk=5)
        return [h["tokens"].tolist() for hypotheses in found for h in hypotheses]

    assert sample(1) == sample(1)
    assert sample(1) != sample(2)
    diverse = generate(task, [model], batch, beam=4, diverse_beam_groups=2, diverse_beam_strength=5.0)
    assert all(hypotheses[0]["tokens"].tolist() != hypotheses[-1]["tokens"].tolist() for hypotheses in diverse)


def test_retained_dropout_changes_what_is_decoded(task):
    from fairseq.dataclass.configs import FairseqConfig

    model = sharp_model("attention_lstm", task, dropout=0.5)
    # a part of its own: all FairseqConfigs share their default parts
    config = FairseqConfig(generation=GenerationConfig(retain_dropout=True))
    model.prepare_for_inference_(config)
    batch = batch_of(task, SOURCES)
    scores = [[float(hs[0]["score"]) for hs in generate(task, [model], batch, beam=2)] for _ in range(2)]
    assert scores[0] != scores[1]
