"""Repairs to ``--print-alignment`` and ``--replace-unk`` (fairseq issues 3533, 3625)."""

from __future__ import annotations

import contextlib
import re
from typing import Dict

import torch
from fairseq import sequence_generator, utils
from fairseq.models import BaseFairseqModel
from fairseq.tasks.fairseq_task import FairseqTask
from fairseq.tokenizer import tokenize_line
from omegaconf import DictConfig, open_dict

from s2s_plugins.compat.patching import wrap
from s2s_plugins.errors import UsageError

NO_ALIGNMENT_DICTIONARY = "@@ "  # the value of --replace-unk without an argument


class SourceLine(str):
    """A source sentence as fairseq prints it, and its words, those included that the dictionary lacks."""

    words: list


def align_every_hypothesis() -> None:
    """Align each hypothesis, however many there are.

    fairseq assumes one hypothesis for each beam: it fails with IndexError if there are fewer, or if the model has no
    attention.
    """

    @wrap(sequence_generator.SequenceGeneratorWithAlignment, "generate")
    @torch.no_grad()
    def generate(original, self, models, sample, **kwargs):
        if any(getattr(model, "full_context_alignment", False) for model in self.model.models):
            return original(self, models, sample, **kwargs)
        finalized = self._generate(sample, **kwargs)
        for src_tokens, hypotheses in zip(sample["net_input"]["src_tokens"].cpu(), finalized):
            for hypothesis in hypotheses:
                attention = hypothesis["attention"]
                if attention.dim() != 2:
                    raise UsageError(
                        "--print-alignment and --replace-unk need a model with attention, and this one has none: "
                        "train --arch attention_lstm, or leave them out"
                    )
                hypothesis["alignment"] = self.extract_alignment(
                    attention.t().cpu(), src_tokens, hypothesis["tokens"].cpu(), self.pad, self.eos
                )
        return finalized


@contextlib.contextmanager
def _aligning(generation):
    """Turn ``--print-alignment`` on while ``--replace-unk`` is given, which needs alignments too."""
    wanted = getattr(generation, "replace_unk", None) is not None
    if not wanted or getattr(generation, "print_alignment", None):
        yield
        return
    with open_dict(generation) if isinstance(generation, DictConfig) else contextlib.nullcontext():
        generation.print_alignment = "hard"
        try:
            yield
        finally:
            generation.print_alignment = None


def replace_unknown_words() -> None:
    """Let ``--replace-unk`` replace an unknown word by the source word that the model looked at.

    fairseq mistakes pairs for positions and raises TypeError; without ``--print-alignment`` it has nothing to look up;
    ``--replace-unk`` without an argument opens a file called ``@@``; subwords that were joined before the look-up shift
    the columns; and fairseq-interactive copies ``<unk>`` of the source dictionary.
    """

    @wrap(BaseFairseqModel, "prepare_for_inference_")
    def prepare_for_inference_(original, self, cfg):
        with _aligning(cfg.generation):
            return original(self, cfg)

    @wrap(FairseqTask, "build_generator")
    def build_generator(original, self, models, args, *rest, **kwargs):
        with _aligning(args):
            return original(self, models, args, *rest, **kwargs)

    @wrap(utils, "load_align_dict")
    def load_align_dict(original, replace_unk):
        if replace_unk == NO_ALIGNMENT_DICTIONARY:
            return {}
        try:
            return original(replace_unk)
        except OSError as error:
            raise UsageError(f"--replace-unk {replace_unk} cannot be read: {error.strerror}") from None
        except IndexError:
            raise UsageError(f"--replace-unk {replace_unk} has a line without two words: write SOURCE TARGET") from None

    @wrap(utils, "post_process_prediction")
    def post_process_prediction(
        original,
        hypo_tokens,
        src_str,
        alignment,
        align_dict,
        tgt_dict,
        remove_bpe=None,
        extra_symbols_to_ignore=None,
    ):
        hypo_str = tgt_dict.string(hypo_tokens, remove_bpe, extra_symbols_to_ignore=extra_symbols_to_ignore)
        if align_dict is not None:
            sources = source_words(hypo_tokens, src_str, alignment, tgt_dict)
            unknown = tgt_dict.unk_string()
            replacements = (align_dict.get(word, word) if word is not None else unknown for word in sources)
            hypo_str = re.sub(re.escape(unknown), lambda _: next(replacements, unknown), hypo_str)
        if align_dict is not None or remove_bpe is not None:
            hypo_tokens = tgt_dict.encode_line(hypo_str, add_if_not_exist=True)
        return hypo_tokens, hypo_str, alignment

    @wrap(FairseqTask, "get_interactive_tokens_and_lengths")
    def get_interactive_tokens_and_lengths(original, self, lines, encode_fn):
        tokens, lengths = original(self, lines, encode_fn)
        _remember_words(self.source_dictionary, tokens, [tokenize_line(encode_fn(line)) for line in lines])
        return tokens, lengths


def source_words(hypo_tokens, src_str, alignment, tgt_dict) -> list:
    """For each unknown token of a hypothesis, in order, the source word that it is aligned to; None without one."""
    words = src_str.words if isinstance(src_str, SourceLine) else tokenize_line(src_str)
    columns = _columns(alignment)
    silent = {tgt_dict.pad(), tgt_dict.eos()}
    visible = [token for token in hypo_tokens.tolist() if token not in silent]
    found = []
    for position, token in enumerate(visible):
        if token == tgt_dict.unk():
            column = columns.get(position, -1)
            found.append(words[column] if 0 <= column < len(words) else None)
    return found


def _columns(alignment) -> Dict[int, int]:
    """Target position -> source position, from a hard alignment (pairs) or a soft one (a row of weights a token)."""
    if len(alignment) == 0:
        return {}
    if isinstance(alignment[0], tuple):
        return {target: source for source, target in alignment}
    rows = [[float(weight) for weight in row[:-1]] for row in alignment]  # the last column is end of sentence
    return {target: max(range(len(row)), key=row.__getitem__) for target, row in enumerate(rows) if row}


def _remember_words(dictionary, tokens, words) -> None:
    """Make ``dictionary.string`` return a :class:`SourceLine` for the sentences of this buffer, once each, in order."""
    pending = list(zip(tokens, words))
    plain = type(dictionary).string

    def string(tensor, *args, **kwargs):
        text = plain(dictionary, tensor, *args, **kwargs)
        for index, (sentence, sentence_words) in enumerate(pending):
            if torch.is_tensor(tensor) and torch.equal(sentence, tensor.to(sentence)):
                del pending[index]
                text = SourceLine(text)
                text.words = sentence_words
                break
        return text

    dictionary.string = string
