"""``sa_lstm`` and ``lm_lstm``: one LSTM that reads and writes, what moves from one task to the other, the criterion."""

from argparse import Namespace

import pytest
import torch
from conftest import batch_of, dictionary, translation_task
from fairseq.models import build_model as fairseq_build_model
from fairseq.sequence_generator import SequenceGenerator

from s2s_plugins.criterions.text_classification import (
    TextClassificationCriterion,
    TextClassificationCriterionConfig,
    mean_token_losses,
    shift_right,
)
from s2s_plugins.errors import UsageError
from s2s_plugins.nn.classifier import linear_gain_weights
from s2s_plugins.tasks.finetuning import LayerSchedule, freeze
from s2s_plugins.tasks.text_classification import TextClassificationConfig, TextClassificationTask

HEAD = "sentence_classification_head"
FAMILY = ["sa_lstm_tiny", "lm_lstm_tiny"]


def classification_task(labels=("down", "flat", "up"), **flags):
    cfg = TextClassificationConfig(data="unused", classification_head_name=HEAD, **flags)
    return TextClassificationTask(cfg, dictionary(), list(labels))


def build(arch, task=None, seed=1, **flags):
    torch.manual_seed(seed)
    return (task or classification_task()).build_model(Namespace(arch=arch, **flags)).eval()


def sample(*documents, targets=None):
    """A batch of digit lists, padded on the right."""
    task = translation_task(dictionary(), dictionary())
    tokens = batch_of(task, documents, left_pad_source=False)["net_input"]
    labels = torch.tensor(targets if targets is not None else [0] * len(documents))
    return {"net_input": tokens, "target": labels, "ntokens": int(tokens["src_lengths"].sum())}


def criterion(task, **flags):
    return TextClassificationCriterion(TextClassificationCriterionConfig(**flags), task)


BATCH = ([1, 2, 3, 4], [5], [6, 7])


def test_encoder_and_decoder_of_the_autoencoder_are_one_lstm_and_one_embedding():
    model = build("sa_lstm_tiny")
    names = dict(model.named_parameters(remove_duplicate=False))
    shared = [name for name in names if name.startswith("encoder.core.")]
    assert any("rnn.weight_hh_l0" in name for name in shared) and any("embed_tokens" in name for name in shared)
    for name in shared:
        assert names[name].data_ptr() == names["decoder.core." + name[len("encoder.core.") :]].data_ptr()
    assert len({id(p) for p in model.parameters()}) == len(list(model.parameters()))


def test_the_output_layer_shares_the_embedding_if_asked():
    model = build("sa_lstm_tiny", share_decoder_input_output_embed=True)
    assert model.decoder.core.output_layer.weight is model.encoder.core.embed_tokens.weight


def test_the_autoencoder_sees_the_text_and_no_later_token_of_its_target():
    model = build("sa_lstm_tiny")
    tokens = sample([1, 2, 3], [1, 2, 9])["net_input"]["src_tokens"]
    previous = shift_right(tokens[:1], 2, 1)
    logits, _ = model(tokens[:1], prev_output_tokens=previous)
    other_source, _ = model(tokens[1:], prev_output_tokens=previous)
    assert (logits[0, 0] - other_source[0, 0]).abs().max() > 1e-5
    changed = previous.clone()
    changed[0, 2] = 8
    other_target, _ = model(tokens[:1], prev_output_tokens=changed)
    torch.testing.assert_close(other_target[0, :2], logits[0, :2])
    assert (other_target[0, 2] - logits[0, 2]).abs().max() > 1e-5


def test_the_autoencoder_generates_what_step_by_step_decoding_finds():
    model = build("sa_lstm_tiny", word_dropout=0.5)
    task = translation_task(dictionary(), dictionary())
    batch = batch_of(task, [[1, 2, 3], [4, 5]])
    theirs = SequenceGenerator([model], task.target_dictionary, beam_size=3, max_len_b=9)
    ours = task.build_generator([model], Namespace(beam=3, max_len_b=9))
    ours.patient = False
    model.prepare_for_inference_(Namespace(generation=Namespace(beam=3, print_alignment=None, retain_dropout=False)))
    for one, other in zip(theirs.generate([model], batch), ours.generate([model], batch)):
        assert [hypothesis["tokens"].tolist() for hypothesis in one] == [h["tokens"].tolist() for h in other]
    assert type(ours).__name__ == "RecurrentGenerator"


@pytest.mark.parametrize("flags", [{}, {"decoder_layers": 2, "residual": True}, {"rnn_cell": "gru"}], ids=str)
def test_a_language_model_step_by_step_equals_the_whole_text(flags):
    model = build("lm_lstm_tiny", **flags)
    tokens = torch.randint(4, 14, (3, 6), generator=torch.Generator().manual_seed(1))
    whole, _ = model(tokens)
    state = {}
    steps = [model(tokens[:, : t + 1], incremental_state=state)[0] for t in range(6)]
    torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-5, rtol=1e-5)
    changed = tokens.clone()
    changed[:, 4] = 3
    torch.testing.assert_close(model(changed)[0][:, :4], whole[:, :4])


@pytest.mark.parametrize("arch", FAMILY)
@pytest.mark.parametrize("left_pad", [False, True])
def test_a_batch_gives_each_document_the_prediction_it_has_alone(arch, left_pad):
    model = build(arch, pooling="concat", bidirectional=True)
    task = translation_task(dictionary(), dictionary())
    batch = batch_of(task, BATCH, left_pad_source=left_pad)["net_input"]["src_tokens"]
    together, _ = model(batch, features_only=True, classification_head_name=HEAD)
    for row, digits in zip(together, BATCH):
        alone = batch_of(task, [digits])["net_input"]["src_tokens"]
        torch.testing.assert_close(row, model(alone, classification_head_name=HEAD)[0][0], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("arch", FAMILY)
def test_a_classifier_starts_from_the_pretrained_tensors_bit_for_bit_and_its_head_is_new(arch):
    plain = translation_task(dictionary(), dictionary())
    pretrained = fairseq_build_model(Namespace(arch=arch), plain)
    classifier = build(arch, seed=2)
    head = {name: weight.clone() for name, weight in classifier.classification_heads.state_dict().items()}
    classifier.load_state_dict(pretrained.state_dict())
    loaded = classifier.state_dict()
    for name, weight in pretrained.state_dict().items():
        assert torch.equal(loaded[name], weight), name
    assert classifier.reader.embed_tokens.weight.data_ptr() == classifier.decoder.core.embed_tokens.weight.data_ptr()
    for name, weight in classifier.classification_heads.state_dict().items():
        assert torch.equal(head[name], weight), name


def test_a_checkpoint_without_a_head_classifies_nothing():
    plain = translation_task(dictionary(), dictionary())
    pretrained = fairseq_build_model(Namespace(arch="sa_lstm_tiny"), plain).state_dict()
    task = classification_task()
    model = task.build_model(Namespace(arch="sa_lstm_tiny"), from_checkpoint=True)
    with pytest.raises(UsageError, match="is no classifier of this data: classification_heads.*is not in it"):
        model.load_state_dict(pretrained)
    other = build("sa_lstm_tiny", classification_task(labels=["a", "b"])).state_dict()
    with pytest.raises(UsageError, match=r"\(3, 16\) here, is \(2, 16\) in it"):
        model.load_state_dict(other)


def test_a_classifier_still_reconstructs_without_its_head():
    classifier = build("sa_lstm_tiny", bidirectional=True)
    plain = translation_task(dictionary(), dictionary())
    model = fairseq_build_model(Namespace(arch="sa_lstm_tiny"), plain, True).eval()
    model.load_state_dict(classifier.state_dict())
    batch = sample([1, 2, 3])["net_input"]
    previous = shift_right(batch["src_tokens"], 2, 1)
    expected, _ = classifier(**batch, prev_output_tokens=previous)
    torch.testing.assert_close(model(**batch, prev_output_tokens=previous)[0], expected)


def test_a_dictionary_of_other_symbols_is_named():
    plain = translation_task(dictionary(), dictionary())
    state = fairseq_build_model(Namespace(arch="lm_lstm_tiny"), plain).state_dict()
    task = classification_task()
    task.dictionary.symbols[6] = "two"
    with pytest.raises(UsageError, match="another text dictionary: symbol 6 is '2' in it and 'two' in the data's"):
        build("lm_lstm_tiny", task).load_state_dict(state)


@pytest.mark.parametrize("arch, objectives", [("sa_lstm_tiny", ["reconstruction", "lm"]), ("lm_lstm_tiny", ["lm"])])
@pytest.mark.parametrize("adaptive", [None, "6,10"])
def test_the_joint_loss_is_the_weighted_sum(arch, objectives, adaptive):
    task = classification_task()
    model = build(arch, task, adaptive_softmax_cutoff=adaptive).train()
    batch = sample(*BATCH, targets=[2, 0, 1])
    tokens = batch["net_input"]["src_tokens"]
    plain, size, _ = criterion(task)(model, batch)
    assert size == 3
    weights = {name: 0.5 + number for number, name in enumerate(objectives)}
    flags = {f"{name}_weight": weight for name, weight in weights.items()}
    loss, _, output = criterion(task, **flags)(model, batch)
    expected = plain.item()
    for name, weight in weights.items():
        for row in tokens:
            row = row[row.ne(1)].unsqueeze(0)
            previous = shift_right(row, 2, 1)
            if name == "reconstruction":
                net_output = model(row, prev_output_tokens=previous)
            else:
                net_output = model.decoder(previous)
            lprobs = model.get_normalized_probs(net_output, log_probs=True)
            expected += weight * -lprobs.gather(-1, row.unsqueeze(-1)).mean().item()
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert output["classification_loss"].item() == pytest.approx(plain.item(), rel=1e-6)
    model.eval()  # and what decides between checkpoints is the classification alone
    assert criterion(task, **flags)(model, batch)[0].item() == criterion(task)(model, batch)[0].item()


def test_a_language_model_cannot_reconstruct():
    task = classification_task()
    with pytest.raises(UsageError, match="--reconstruction-weight 1.0 needs --arch sa_lstm"):
        criterion(task, reconstruction_weight=1.0)(build("lm_lstm_tiny", task).train(), sample(*BATCH))


def test_linear_gain_weighs_the_losses_of_the_steps_in_training_and_not_in_evaluation():
    task = classification_task()
    model = build("sa_lstm_tiny", task)
    batch = sample(*BATCH, targets=[2, 0, 1])
    tokens, target = batch["net_input"]["src_tokens"], batch["target"]
    plain, gain = criterion(task), criterion(task, linear_gain=True)
    assert gain.eval()(model, batch)[0].item() == plain.eval()(model, batch)[0].item()
    steps, _ = model(tokens, classification_head_name=HEAD, every_step=True)
    losses = -steps.log_softmax(-1)[torch.arange(3), :, target]
    weights = linear_gain_weights(tokens.eq(1))
    model.train()
    loss = gain.train()(model, batch)[0].item()
    assert loss == pytest.approx(((losses * weights).sum(1) / weights.sum(1)).sum().item(), rel=1e-5)


def test_class_weights_count_in_training_alone():
    task = classification_task()
    model = build("sa_lstm_tiny", task)
    batch = sample(*BATCH, targets=[2, 0, 1])
    weighted, plain = criterion(task, class_weights="1,2,0.5"), criterion(task)
    logits, _ = model(batch["net_input"]["src_tokens"], classification_head_name=HEAD)
    each = -logits.log_softmax(-1)[torch.arange(3), batch["target"]]
    assert weighted.eval()(model, batch)[0].item() == pytest.approx(plain(model, batch)[0].item())
    model.train()
    expected = (each * torch.tensor([0.5, 1.0, 2.0])).sum().item()
    assert weighted.train()(model, batch)[0].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "text, message", [("1,2", "has 2 numbers, the data 3"), ("1,x,2", "not a list"), ("1,0,2", "not a list")]
)
def test_class_weights_that_do_not_fit_are_named(text, message):
    with pytest.raises(UsageError, match=message):
        criterion(classification_task(), class_weights=text)


def test_losses_of_documents_do_not_depend_on_their_batch():
    model = build("lm_lstm_tiny", adaptive_softmax_cutoff="6,10")
    tokens = sample(*BATCH)["net_input"]["src_tokens"]
    features = model(shift_right(tokens, 2, 1))[0]
    together = mean_token_losses(model.decoder.adaptive_softmax, features, tokens, tokens.eq(1))
    alone = [
        mean_token_losses(
            model.decoder.adaptive_softmax, features[i : i + 1], tokens[i : i + 1], tokens[i : i + 1].eq(1)
        )
        for i in range(3)
    ]
    torch.testing.assert_close(together, torch.cat(alone))


def test_freezing_by_name_and_what_is_left():
    model = build("lm_lstm_tiny", decoder_layers=2)
    freeze(model, r"embed_tokens|layers\.0\.")
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen and all("embed_tokens" in name or "layers.0." in name for name in frozen)
    with pytest.raises(UsageError, match="--freeze nothing_of_it matches no parameter"):
        freeze(model, "nothing_of_it")
    with pytest.raises(UsageError, match="leaves nothing to train"):
        freeze(model, ".")
    with pytest.raises(UsageError, match="not a regular expression"):
        freeze(model, "(")


def test_layers_unfreeze_from_the_top_down():
    model = build("sa_lstm_tiny", decoder_layers=2)
    groups = model.layer_groups()
    assert [name for name, _ in groups] == ["embedding", "layer 0", "layer 1", "head"]
    schedule = LayerSchedule(groups, lr_decay=1.0, unfreeze_every=2)
    trained = []
    for epoch in range(1, 9):
        schedule.begin_epoch(epoch)
        trained.append([name for name, group in groups if all(p.requires_grad for p in group)])
    names = ["embedding", "layer 0", "layer 1", "head"]
    assert trained == [names[3:]] * 2 + [names[2:]] * 2 + [names[1:]] * 2 + [names] * 2


def test_each_layer_steps_with_its_own_learning_rate():
    model = build("sa_lstm_tiny", decoder_layers=2)
    schedule = LayerSchedule(model.layer_groups(), lr_decay=0.5, unfreeze_every=0)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    inner = torch.optim.SGD(model.parameters(), lr=0.8)
    whole = inner.param_groups
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    with schedule.learning_rates(Namespace(optimizer=inner)):
        inner.step()
    assert inner.param_groups is whole and len(whole) == 1 and whole[0]["lr"] == 0.8
    rates = {"classification_heads": 0.8, "layers.1": 0.4, "layers.0": 0.2, "embed_tokens": 0.1}
    for part, rate in rates.items():
        names = [name for name in before if part in name]
        assert names
        for name in names:
            change = before[name] - dict(model.named_parameters())[name]
            torch.testing.assert_close(change, torch.full_like(change, rate), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "flags, message",
    [
        ({"word_dropout": 1.0}, "--word-dropout 1.0 is not a dropout probability"),
        ({"head_dropout": -0.1}, "--head-dropout -0.1 is not a dropout probability"),
        ({"truncated_bptt": -1}, "--truncated-bptt -1 is below 0"),
        ({"head_hidden_size": -5}, "--head-hidden-size -5 is below 0"),
        ({"decoder_hidden_size": 0}, "--decoder-hidden-size 0 is not a size"),
        ({"residual": True}, "--residual joins layers, and --decoder-layers is 1"),
        ({"share_decoder_input_output_embed": True, "decoder_out_embed_dim": 9}, "make them equal"),
    ],
)
@pytest.mark.parametrize("arch", FAMILY)
def test_flags_that_make_no_sense_are_named(arch, flags, message):
    with pytest.raises(UsageError, match=message):
        build(arch, **flags)
