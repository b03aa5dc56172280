"""Models that learn to write their source again, from eight symbols, and whether they can with two others."""

import torch
from conftest import batch_of, build_model, dictionary, translation_task


def copied_of_unseen(arch, updates, **flags):
    """The share of 50 sentences of 8 and 9 that a model copies which was trained on 0 to 7 alone.

    The embeddings of 8 and 9 are random: what is learnt is to copy.
    """
    torch.manual_seed(3)
    task = translation_task(dictionary(), dictionary())
    sizes = {"encoder_hidden_size": 32, "decoder_hidden_size": 32}
    model = build_model(arch, task, encoder_bidirectional=True, **sizes, **flags)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(1)
    pad = task.target_dictionary.pad()

    def sentences(count, low, high):
        lengths = torch.randint(1, 5, (count,), generator=generator).tolist()
        return [torch.randint(low, high, (length,), generator=generator).tolist() for length in lengths]

    model.train()
    for _ in range(updates):
        same = sentences(32, 0, 8)
        batch = batch_of(task, same, same)
        optimizer.zero_grad()
        scores = model(**batch["net_input"])[0].log_softmax(-1)
        real = batch["target"].ne(pad)
        (-scores.gather(-1, batch["target"].unsqueeze(-1)).squeeze(-1)[real].mean()).backward()
        optimizer.step()
    model.eval()
    unseen = sentences(50, 8, 10)
    batch = batch_of(task, unseen, unseen)
    right = model(**batch["net_input"])[0].argmax(-1).eq(batch["target"]) | batch["target"].eq(pad)
    return float(right.all(1).float().mean())
