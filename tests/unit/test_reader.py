"""Reading documents and classifying them: what the papers' equations promise."""

import pytest
import torch

from s2s_plugins.nn.classifier import POOLINGS, ClassificationHead, DocumentNorm, Pooling, linear_gain_weights
from s2s_plugins.nn.document_encoder import DocumentEncoder, WordDropout
from s2s_plugins.nn.dropout import Dropout
from s2s_plugins.nn.recurrent import RecurrentStack

PAD = 1


def built(bidirectional=False, layers=2, truncated_bptt=0, word_dropout=0.0, cell="lstm", join=False):
    torch.manual_seed(1)
    embedding = torch.nn.Embedding(20, 5, padding_idx=PAD)

    def stack():
        return RecurrentStack(cell=cell, input_size=5, hidden_size=6, num_layers=layers)

    return DocumentEncoder(
        embed_tokens=embedding,
        stack=stack(),
        backward_stack=stack() if bidirectional else None,
        word_dropout=WordDropout(word_dropout),
        dropout_in=Dropout(0.0, side="decoder"),
        dropout_out=Dropout(0.0, side="decoder"),
        truncated_bptt=truncated_bptt,
        join_embeddings=join,
    )


def documents(*lengths, seed=2):
    draw = torch.Generator().manual_seed(seed)
    return [torch.randint(4, 20, (length,), generator=draw) for length in lengths]


def padded(rows, left=0, right=0):
    """The rows of one length each, with ``left`` and ``right`` columns of padding more than they need."""
    width = max(map(len, rows))
    batch = torch.full((len(rows), left + width + right), PAD)
    for number, row in enumerate(rows):
        start = left + (width - len(row) if left else 0)
        batch[number, start : start + len(row)] = row
    return batch


def predict(reader, tokens, pooling="last"):
    torch.manual_seed(3)
    head = ClassificationHead(Pooling(pooling, reader.output_size, reader.backward_size), 7, 3, dropout=0.0)
    output = reader(tokens)
    return head(output.memory, output.padding_mask)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("window", [0, 3])
@pytest.mark.parametrize("left, right, join", [(0, 4, False), (4, 0, False), (4, 0, True)])
def test_padding_on_either_side_never_changes_a_prediction(cell, pooling, bidirectional, window, left, right, join):
    reader = built(bidirectional, truncated_bptt=window, cell=cell, join=join)
    rows = documents(1, 7, 4)
    batch = predict(reader, padded(rows, left, right), pooling)
    alone = torch.cat([predict(reader, row.unsqueeze(0), pooling) for row in rows])
    torch.testing.assert_close(batch, alone, atol=1e-6, rtol=1e-5)
    assert (alone[0] - alone[1]).abs().max() > 1e-4


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_last_pooling_reads_the_state_at_the_last_true_token(bidirectional):
    reader = built(bidirectional)
    row = documents(6)[0]
    output = reader(padded([row, documents(9)[0]]))
    pooled = Pooling("last", reader.output_size, reader.backward_size)(output.memory, output.padding_mask)
    torch.testing.assert_close(pooled[0, :6], output.state.hidden[0, -1])
    if bidirectional:  # the backward stack ends at the first token
        torch.testing.assert_close(pooled[0, 6:], output.memory[0, 0, 6:])


@pytest.mark.parametrize("window", [0, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_joined_embeddings_are_pooled_beside_the_outputs_of_their_tokens(bidirectional, window):
    tokens = padded(documents(6, 9), right=1)
    plain, joined = (built(bidirectional, truncated_bptt=window, join=join)(tokens) for join in (False, True))
    reader = built(bidirectional, truncated_bptt=window, join=True)
    assert reader.output_size == joined.memory.size(-1) == plain.memory.size(-1) + 5
    embedded = reader.embed_tokens(tokens)
    torch.testing.assert_close(joined.memory[..., 6:11], embedded)
    torch.testing.assert_close(torch.cat([joined.memory[..., :6], joined.memory[..., 11:]], dim=-1), plain.memory)
    pooled = Pooling("last", reader.output_size, reader.backward_size)(joined.memory, joined.padding_mask)
    torch.testing.assert_close(pooled[:, 6:11], embedded[[0, 1], [5, 8]])
    if bidirectional:
        torch.testing.assert_close(pooled[:, 11:], plain.memory[:, 0, 6:])


def test_documents_are_normalised_by_their_batch_and_later_by_all_batches():
    torch.manual_seed(1)
    norm = DocumentNorm(3)
    spread = torch.tensor([1e-2, 1.0, 30.0])
    for _ in range(200):
        pooled = torch.randn(32, 3) * spread + torch.tensor([5.0, -1.0, 0.0])
        out = norm(pooled)
        torch.testing.assert_close(out.mean(0), torch.zeros(3), atol=1e-3, rtol=0)
        torch.testing.assert_close(out.std(0, correction=0), torch.ones(3), atol=3e-3, rtol=0)
    one = norm(pooled[:1])
    before = norm.running_mean.clone()
    norm.eval()
    torch.testing.assert_close(one, norm(pooled[:1]))
    torch.testing.assert_close(norm(pooled), out, atol=0.3, rtol=0.3)
    assert torch.equal(before, norm.running_mean)
    head = ClassificationHead(Pooling("last", 3), 4, 2, dropout=0.0, normalise=True)
    outputs, mask = pooled.unsqueeze(1) * 1e-2 + 7, torch.zeros(32, 1, dtype=torch.bool)
    assert head(outputs, mask).std(0).min() > 0.05  # what differs little between documents counts
    with pytest.raises(ValueError, match="no normalisation"):
        head(outputs, mask, every_step=True)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_truncated_bptt_computes_the_same_and_stops_the_gradient_at_the_window(bidirectional):
    tokens = padded(documents(9, 2, 6), right=2)
    whole, cut = built(bidirectional), built(bidirectional, truncated_bptt=4)
    torch.testing.assert_close(predict(whole, tokens, "concat"), predict(cut, tokens, "concat"), atol=1e-6, rtol=1e-5)
    touched = []
    for reader in (whole, cut):
        # each position gets an embedding of its own, so that its gradient can be told from the others'
        positions = torch.arange(tokens.numel()).view_as(tokens) + 2
        positions[tokens.eq(PAD)] = PAD
        reader.embed_tokens = torch.nn.Embedding(tokens.numel() + 2, 5, padding_idx=PAD)
        predict(reader, positions, "last").sum().backward()
        gradient = reader.embed_tokens.weight.grad.abs().sum(1)
        touched.append(gradient[positions].gt(0) & positions.ne(PAD))
    lengths = tokens.ne(PAD).sum(1).tolist()
    assert [row.nonzero().flatten().tolist() for row in touched[0]] == [list(range(n)) for n in lengths]
    expected = [list(range(max(0, n - 4), n)) for n in lengths]
    assert [row.nonzero().flatten().tolist() for row in touched[1]] == expected


def test_word_dropout_takes_whole_tokens_in_training_alone():
    dropout = WordDropout(0.3)
    embedded = torch.ones(40, 50, 4)
    torch.manual_seed(1)
    dropped = dropout(embedded)
    assert set(dropped.sum(-1).unique().tolist()) == {0.0, 4.0}
    assert dropped.mean().item() == pytest.approx(0.7, abs=0.03)
    assert torch.equal(dropout.eval()(embedded), embedded)


def test_linear_gain_weighs_token_i_of_n_by_i_over_n_minus_1():
    mask = torch.tensor(
        [[False] * 5, [False] * 3 + [True] * 2, [True] * 4 + [False], [True, True, False, False, False]]
    )
    expected = [[0, 0.25, 0.5, 0.75, 1], [0, 0.5, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0.5, 1]]
    torch.testing.assert_close(linear_gain_weights(mask), torch.tensor(expected))


def test_a_prediction_at_every_step_ends_in_the_prediction_of_the_document():
    reader = built()
    head = ClassificationHead(Pooling("last", 6), 7, 3, dropout=0.0)
    output = reader(padded(documents(5, 8)))
    steps = head(output.memory, output.padding_mask, every_step=True)
    assert steps.shape == (2, 8, 3)
    torch.testing.assert_close(steps[[0, 1], [4, 7]], head(output.memory, output.padding_mask))
    with pytest.raises(ValueError, match="need the pooling 'last'"):
        ClassificationHead(Pooling("mean", 6), 7, 3, 0.0)(output.memory, output.padding_mask, every_step=True)


def test_pooling_over_tokens_is_their_mean_and_maximum():
    outputs = torch.tensor([[[1.0, -5.0], [3.0, -1.0], [99.0, 99.0]]])
    mask = torch.tensor([[False, False, True]])
    assert Pooling("mean", 2)(outputs, mask).tolist() == [[2.0, -3.0]]
    assert Pooling("max", 2)(outputs, mask).tolist() == [[3.0, -1.0]]
    assert Pooling("concat", 2)(outputs, mask).tolist() == [[3.0, -1.0, 3.0, -1.0, 2.0, -3.0]]


def test_the_attention_pooling_is_four_weighted_means_of_the_true_tokens():
    torch.manual_seed(1)
    pooling = Pooling("attention", 2)
    outputs, mask = torch.randn(2, 3, 2, requires_grad=True), torch.tensor([[False, False, True], [True, True, True]])
    pooled = pooling(outputs, mask)
    hidden, score = pooling.attention.hidden, pooling.attention.score
    exponents = (torch.tanh(outputs[0, :2] @ hidden.weight.t() + hidden.bias) @ score.weight.t()).exp()
    expected = [(weights[:, None] * outputs[0, :2]).sum(0) / weights.sum() for weights in exponents.t()]
    torch.testing.assert_close(pooled[0], torch.cat(expected))
    assert pooled[1].tolist() == [0.0] * 8
    pooled.sum().backward()
    assert outputs.grad[0, :2].abs().min() > 0 and outputs.grad.isfinite().all()
    assert outputs.grad[0, 2].tolist() == [0, 0] and outputs.grad[1].abs().max() == 0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: WordDropout(1.0), "word dropout 1.0 is not a probability"),
        (lambda: Pooling("first", 3), "pooling 'first' is unknown: use one of last, mean, max, concat, attention"),
        (lambda: ClassificationHead(Pooling("last", 3), 4, 0, 0.1), "num_classes 0 is not positive"),
        (lambda: built(truncated_bptt=-1), "truncated_bptt -1 is below 0"),
        (lambda: built()(torch.zeros(2, 0, dtype=torch.long)), "a document has 0 tokens"),
    ],
)
def test_what_makes_no_sense_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
