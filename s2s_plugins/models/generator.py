"""fairseq's generator over :func:`s2s_plugins.search.beam_search`.

fairseq's loop copies the encoder's output and the decoder's whole state for each beam at each step; ours does not.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

import torch
from fairseq.search import BeamSearch
from fairseq.sequence_generator import SequenceGenerator, SequenceGeneratorWithAlignment
from fairseq.tasks.fairseq_task import FairseqTask
from torch import Tensor

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.nn.copying import Copies
from s2s_plugins.search import SearchSettings, beam_search
from s2s_plugins.text.symbols import SPECIAL


class RecurrentGenerator(SequenceGenerator):
    """fairseq's generator for our models: the same hypotheses and scores, and more where better ones are likely.

    What is more than a beam search it leaves to fairseq's loop: sampling and other searches, prefixes, constraints,
    blocked n-grams, and a language model beside.

    Attributes:
        patient: as :class:`~s2s_plugins.search.SearchSettings` has it. Without, hypotheses and scores are exactly
            fairseq's.
    """

    patient = True
    token_indices_to_suppress: Optional[Tensor]

    def __init__(self, models: Sequence[Any], tgt_dict: Any, *rest: Any, **kwargs: Any) -> None:
        super().__init__(models, tgt_dict, *rest, **kwargs)
        start, never = torch.tensor([tgt_dict.bos()]), self.token_indices_to_suppress
        tables = [part.table for part in self.model.modules() if isinstance(part, Copies)]
        if any((table[len(SPECIAL) :] == start.to(table)).any() for table in tables):  # what features are copied to
            self.token_indices_to_suppress = start if never is None else torch.cat([never, start.to(never)])

    def _generate(
        self,
        sample: Dict[str, Any],
        prefix_tokens: Optional[Tensor] = None,
        constraints: Optional[Tensor] = None,
        bos_token: Optional[int] = None,
    ) -> List[List[Dict[str, Any]]]:
        models = list(self.model.models)
        if prefix_tokens is not None or constraints is not None or not self._searches_plainly():
            return super()._generate(sample, prefix_tokens, constraints, bos_token)
        net_input = sample["net_input"]
        settings = self._settings(net_input["src_tokens"].size(1))
        steps = [model.steps() for model in models]
        outputs = self.model.forward_encoder(net_input)
        states = [one.start(output, self.beam_size) for one, output in zip(steps, outputs)]
        first = net_input["src_tokens"].new_full((len(net_input["src_tokens"]),), self._first_token(bos_token))
        attends = any(model.decoder.need_attn for model in models)
        nothing = torch.empty(0)
        return [
            [
                {
                    "tokens": one.tokens,
                    "score": one.score,
                    "attention": nothing if one.attention is None else one.attention,
                    "alignment": nothing,
                    "positional_scores": one.positional_scores,
                }
                for one in hypotheses
            ]
            for hypotheses in beam_search(steps, states, first, settings, attends)
        ]

    def _first_token(self, bos_token: Optional[int]) -> int:
        return self.eos if bos_token is None else bos_token

    def _settings(self, source_length: int) -> SearchSettings:
        longest = min(int(self.max_len_a * source_length + self.max_len_b), self.max_len - 1)
        if self.min_len > longest:
            raise UsageError(
                f"--min-len {self.min_len} is more than the longest output allowed, {longest} (--max-len-a, "
                "--max-len-b, --max-target-positions): lower the one or raise the others"
            )
        never = self.token_indices_to_suppress
        return SearchSettings(
            end=self.eos,
            pad=self.pad,
            unknown=self.unk,
            beam=self.beam_size,
            longest=longest,
            shortest=self.min_len,
            length_penalty=self.len_penalty,
            normalize=self.normalize_scores,
            temperature=self.temperature,
            unknown_penalty=self.unk_penalty,
            never=() if never is None else tuple(never.tolist()),
            patient=self.patient,
        )

    def _searches_plainly(self) -> bool:
        """Whether this is a beam search, and nothing else."""
        return (
            type(self.search) is BeamSearch
            and self.repeat_ngram_blocker is None
            and self.lm_model is None
            and not self.match_source_len
            and self.beam_size + 2 <= self.vocab_size  # so that K candidates continue whatever ends
        )


class AligningGenerator(SequenceGeneratorWithAlignment, RecurrentGenerator):
    """The same search for ``--print-alignment`` and ``--replace-unk``."""


def generate_with_recurrent_models() -> None:
    """Let tasks that use fairseq's generator use :class:`RecurrentGenerator` where all models are ours."""

    @wrap(FairseqTask, "build_generator")
    def build_generator(
        original: Callable[..., Any],
        self: Any,
        models: Sequence[Any],
        args: Any,
        seq_gen_cls: Any = None,
        extra_gen_cls_kwargs: Optional[Dict[str, Any]] = None,
        **rest: Any,
    ) -> Any:
        if seq_gen_cls is None and all(isinstance(model, RecurrentModel) for model in models):
            seq_gen_cls = RecurrentGenerator
            replaces = getattr(args, "replace_unk", None) is not None  # a word that is looked at
            alignment = getattr(args, "print_alignment", None) or ("hard" if replaces else None)
            if alignment:
                seq_gen_cls = AligningGenerator
                extra_gen_cls_kwargs = {"print_alignment": alignment, **(extra_gen_cls_kwargs or {})}
        return original(self, models, args, seq_gen_cls, extra_gen_cls_kwargs, **rest)
