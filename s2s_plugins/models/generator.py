"""Beam search for recurrent models: what fairseq's generator finds or better, with less work a step.

fairseq's loop copies the encoder's output and the decoder's whole state for each beam at each step. Here what the
beams of a sentence share is held once, the first step runs on one row a sentence, and only what differs is reordered.

It also ends elsewhere. fairseq's search ends with the K-th hypothesis that ends. Where a model is sure of each token,
the K - 1 beams beside the right one are guesses that soon end as stumps, and the right one, longer, is lost.

Shape letters: N sentences, K beams, R rows (one a sentence at the first step, then N times K), V vocabulary,
C candidates, t tokens so far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
from fairseq.search import BeamSearch
from fairseq.sequence_generator import SequenceGenerator, SequenceGeneratorWithAlignment
from fairseq.tasks.fairseq_task import FairseqTask
from torch import Tensor

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError
from s2s_plugins.models.seq2seq import RecurrentModel


class Candidates(NamedTuple):
    """The best continuations of each sentence, best first, all (N, C).

    Attributes:
        scores: log-probabilities of the whole hypothesis.
        tokens: the last token.
        rows: the row that is continued.
        ended: whether the token is the end of sentence.
    """

    scores: Tensor
    tokens: Tensor
    rows: Tensor
    ended: Tensor

    def select(self, sentences: Tensor) -> "Candidates":
        return Candidates(*(part.index_select(0, sentences) for part in self))


@dataclass
class Ended:
    """What has ended of a sentence.

    Attributes:
        hypotheses: as fairseq's generator gives them.
        best: the log-probability of the most probable one, whatever its length.
    """

    hypotheses: List[dict] = field(default_factory=list)
    best: float = -math.inf


class RecurrentGenerator(SequenceGenerator):
    """fairseq's generator for our models: the same hypotheses and scores, and more where better ones are likely.

    What is more than a beam search it leaves to fairseq's loop: sampling and other searches, prefixes, constraints,
    blocked n-grams, a language model beside, and models that cannot be folded
    (:meth:`~s2s_plugins.models.adapters.RecurrentDecoder.folds`).

    Attributes:
        patient: whether a search goes on while an unfinished hypothesis is more probable than all that have ended.
            Without, hypotheses and scores are exactly fairseq's.
    """

    patient = True

    def _generate(self, sample, prefix_tokens=None, constraints=None, bos_token=None):
        models = list(self.model.models)
        if prefix_tokens is not None or constraints is not None or not self._searches_plainly(models):
            return super()._generate(sample, prefix_tokens, constraints, bos_token)
        net_input = sample["net_input"]
        longest = min(int(self.max_len_a * net_input["src_tokens"].size(1) + self.max_len_b), self.max_len - 1)
        if self.min_len > longest:
            raise UsageError(
                f"--min-len {self.min_len} is more than the longest output allowed, {longest} (--max-len-a, "
                "--max-len-b, --max-target-positions): lower the one or raise the others"
            )
        return self._search(models, net_input, self.eos if bos_token is None else bos_token, longest)

    def _searches_plainly(self, models: List[RecurrentModel]) -> bool:
        """Whether this is a beam search over models that fold, and nothing else."""
        return (
            type(self.search) is BeamSearch
            and self.repeat_ngram_blocker is None
            and self.lm_model is None
            and not self.match_source_len
            and self.beam_size + 2 <= self.vocab_size  # so that K candidates go on whatever ends
            and all(model.decoder.folds() for model in models)
        )

    def _search(self, models: List[RecurrentModel], net_input: dict, bos: int, longest: int) -> List[List[dict]]:
        """Hypotheses of at most ``longest`` tokens and the end of sentence, a list for each sentence, best first."""
        decoders = [model.decoder.folded() for model in models]
        outputs = self.model.forward_encoder(net_input)
        states = [decoder.start(output, self.beam_size) for decoder, output in zip(decoders, outputs)]
        sentences = list(range(net_input["src_tokens"].size(0)))  # those in the batch, by number
        tokens = net_input["src_tokens"].new_full((len(sentences), 1), bos)  # R t+1
        scores = torch.zeros(len(sentences), 0, device=tokens.device)  # R t, of each prefix
        attends = any(model.decoder.need_attn for model in models)
        looked: Optional[Tensor] = None  # R S t, the attention of each step
        found: Dict[int, Ended] = {sentence: Ended() for sentence in sentences}
        for step in range(longest + 1):
            logits = []
            for index, decoder in enumerate(decoders):
                output, states[index] = decoder.step(tokens[:, -1], states[index])
                logits.append(output.float())
            if attends:
                looked = _with_attention(looked, [state.weights for state in states])
            candidates = self._candidates(logits, scores, len(sentences), step, longest)
            kept: Optional[Tensor] = None
            chosen = slice(None, self.beam_size)
            ends = candidates.ended[:, chosen].nonzero()
            if len(ends):
                self._collect(candidates, ends, tokens, scores, looked, sentences, found)
            going = self._going(candidates, sentences, found)
            if step == longest or not going:
                break
            if len(going) < len(sentences):
                sentences = [sentences[place] for place in going]
                kept = torch.tensor(going, device=tokens.device)
                candidates = candidates.select(kept)
            if len(ends):
                order = torch.sort(candidates.ended.byte(), dim=1, stable=True).indices[:, chosen]
                candidates = Candidates(*(part.gather(1, order) for part in candidates))
            rows = candidates.rows[:, chosen].flatten()
            tokens = torch.cat([tokens.index_select(0, rows), candidates.tokens[:, chosen].reshape(-1, 1)], dim=1)
            scores = torch.cat([scores.index_select(0, rows), candidates.scores[:, chosen].reshape(-1, 1)], dim=1)
            states = [state.reorder(rows, kept) for state in states]
            looked = None if looked is None else looked.index_select(0, rows)
        return [
            sorted(ended.hypotheses, key=lambda one: -one["score"].item())[: self.beam_size] for ended in found.values()
        ]

    def _going(self, candidates: Candidates, sentences: List[int], found: Dict[int, Ended]) -> List[int]:
        """The places of the sentences whose search goes on: with under K hypotheses, or patiently."""
        full = {place for place, number in enumerate(sentences) if len(found[number].hypotheses) >= self.beam_size}
        if full and self.patient:
            # the first candidate either has ended, and is no better than the best, or is the best that has not; its
            # probability, not its score for its length: that of a poor model's endless output rises with each token
            ahead = candidates.scores[:, 0].tolist()
            full = {place for place in full if ahead[place] <= found[sentences[place]].best}
        return [place for place in range(len(sentences)) if place not in full]

    def _candidates(self, logits: List[Tensor], scores: Tensor, sentences: int, step: int, longest: int) -> Candidates:
        """The best continuations, twice as many as beams, since half of them may be ends."""
        values, normalizer = self._combine(logits)
        values[:, self.pad] = -math.inf
        values[:, self.unk] -= self.unk_penalty
        if step >= longest:
            values[:, : self.eos] = -math.inf
            values[:, self.eos + 1 :] = -math.inf
        elif step < self.min_len:
            values[:, self.eos] = -math.inf
        if self.token_indices_to_suppress is not None:
            values[:, self.token_indices_to_suppress.to(values.device)] = -math.inf
        # the best of each row, then of these: a row's normalizer does not change their order
        best, indices = values.topk(min(2 * self.beam_size, self.vocab_size - 1))
        best = (best - normalizer).nan_to_num(nan=-math.inf, neginf=-math.inf)
        if step > 0:
            best = best + scores[:, -1:]
        width, rows = best.size(1), best.size(0) // sentences
        best, places = best.view(sentences, -1).topk(min(2 * self.beam_size, rows * width))
        tokens = indices.view(sentences, -1).gather(1, places)
        first_rows = torch.arange(sentences, device=tokens.device).unsqueeze(1) * rows
        ended = tokens.eq(self.eos) & best.ne(-math.inf)
        return Candidates(best, tokens, first_rows + torch.div(places, width, rounding_mode="floor"), ended)

    def _combine(self, logits: List[Tensor]) -> Tuple[Tensor, Tensor]:
        """Of one or several models: values (R, V), and what to subtract from a row (R, 1) to have log-probabilities."""
        if self.temperature != 1:
            logits = [part.div_(self.temperature) for part in logits]
        if len(logits) == 1:
            return logits[0], logits[0].logsumexp(dim=-1, keepdim=True)
        total = torch.stack([part.log_softmax(dim=-1) for part in logits]).logsumexp(dim=0)
        return total, total.new_full((total.size(0), 1), math.log(len(logits)))

    def _collect(
        self,
        candidates: Candidates,
        ends: Tensor,
        tokens: Tensor,
        scores: Tensor,
        looked: Optional[Tensor],
        sentences: List[int],
        found: Dict[int, Ended],
    ) -> None:
        """Add the hypotheses that end at ``ends`` (pairs of sentence and candidate) to those that were found."""
        picked = [part[ends[:, 0], ends[:, 1]] for part in candidates]
        total, last, rows = picked[0], picked[1], picked[2]
        whole = torch.cat([tokens.index_select(0, rows)[:, 1:], last.unsqueeze(1)], dim=1)
        sums = torch.cat([scores.index_select(0, rows), total.unsqueeze(1)], dim=1)
        each = sums.clone()
        each[:, 1:] -= sums[:, :-1]
        probable = total.tolist()
        if self.normalize_scores:
            total = total / whole.size(1) ** self.len_penalty
        nothing = torch.empty(0)
        attention = [nothing] * len(ends) if looked is None else looked.index_select(0, rows)
        for place, hypothesis, log_probability, score, positional_scores, weights in zip(
            ends[:, 0].tolist(), whole, probable, total, each, attention
        ):
            ended = found[sentences[place]]
            ended.best = max(ended.best, log_probability)
            if self.patient or len(ended.hypotheses) < self.beam_size:
                ended.hypotheses.append(
                    {
                        "tokens": hypothesis,
                        "score": score,
                        "attention": weights,
                        "alignment": nothing,
                        "positional_scores": positional_scores,
                    }
                )


class AligningGenerator(SequenceGeneratorWithAlignment, RecurrentGenerator):
    """The same search for ``--print-alignment`` and ``--replace-unk``."""


def _with_attention(looked: Optional[Tensor], weights: List[Optional[Tensor]]) -> Optional[Tensor]:
    """``looked`` (R, S, t) and one step more, the mean of the models that have attention; None where none has."""
    there = [part for part in weights if part is not None]
    if not there:
        return None
    mean = torch.stack(there).mean(dim=0).unsqueeze(2)
    return mean if looked is None else torch.cat([looked, mean], dim=2)


def generate_with_recurrent_models() -> None:
    """Let tasks that use fairseq's generator use :class:`RecurrentGenerator` where all models are ours."""

    @wrap(FairseqTask, "build_generator")
    def build_generator(original, self, models, args, seq_gen_cls=None, extra_gen_cls_kwargs=None, **rest):
        if seq_gen_cls is None and all(isinstance(model, RecurrentModel) for model in models):
            seq_gen_cls = RecurrentGenerator
            replaces = getattr(args, "replace_unk", None) is not None  # a word that is looked at
            alignment = getattr(args, "print_alignment", None) or ("hard" if replaces else None)
            if alignment:
                seq_gen_cls = AligningGenerator
                extra_gen_cls_kwargs = {"print_alignment": alignment, **(extra_gen_cls_kwargs or {})}
        return original(self, models, args, seq_gen_cls, extra_gen_cls_kwargs, **rest)
