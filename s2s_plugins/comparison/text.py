"""Binarised text in a comparison: decoded by beam search, scored against references."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from s2s_plugins.comparison import metrics, plots
from s2s_plugins.comparison.data import PREDICT, Data, Inside, Json, Run, Settings, at_least
from s2s_plugins.comparison.decoded import Decoded, decoding_speed, read_decoded, sample_numbers
from s2s_plugins.comparison.lead import Lead, named_apart
from s2s_plugins.comparison.plan import PACKAGE
from s2s_plugins.comparison.systems import System, groups, name_of
from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.lengths import length_groups
from s2s_plugins.steps import Runner, Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class TextChoice:
    """How text is decoded, scored and shown.

    Args:
        beam: width of the beam search.
        decode_flags: for fairseq-generate.
        references: folder of text, ``SPLIT.LANG``, to score against instead of the binarised one.
        metrics: names of the scores, the main one first.
        bleu_tokenize: sacrebleu's tokenizer for BLEU.
        lead: a row with the first tokens of the source for each of these numbers.
        samples: number of sentences of each split that are shown side by side.
        attention_maps: number of these whose attention is drawn.

    Raises:
        UsageError: a number is too small.
    """

    beam: int = 5
    decode_flags: Sequence[str] = ()
    references: Optional[Path] = None
    metrics: Sequence[str] = ("exact", "token-error")
    bleu_tokenize: str = "13a"
    lead: Sequence[int] = ()
    samples: int = 12
    attention_maps: int = 3

    def __post_init__(self) -> None:
        at_least(1, beam=self.beam)
        at_least(0, samples=self.samples, attention_maps=self.attention_maps)


class TextData(Data):
    """What fairseq-preprocess wrote.

    Args:
        path: the folder.
        subsets: the splits to decode, the main one first.
        choice: how they are decoded, scored and shown.

    Attributes:
        references: the lines to score against, by split, if the choice names a folder of them.

    Raises:
        UsageError: a choice or the folder makes no sense.
    """

    kind = "text"
    shared = "dict"
    batch, instead = ("--max-tokens", "4000"), ("--batch-size",)
    units = {"tokens_per_second": "training, target tokens/s", "sentences_per_second": "decoding, sentences/s"}

    def __init__(self, path: Path, subsets: Sequence[str], choice: TextChoice) -> None:
        super().__init__(path, subsets)
        self.choice = choice
        self.chosen = metrics.choose(choice.metrics, choice.bleu_tokenize)
        self.leads = [Lead(tokens) for tokens in choice.lead]
        self.source_lang, self.target_lang = languages(path, self.subsets)
        self.references = read_references(path, self.subsets, choice.references, self.source_lang, self.target_lang)

    def check(self, systems: Sequence[System]) -> None:
        named_apart(self.leads, [system.name for system in systems])

    def files(self, part: str) -> List[Path]:
        both = {self.source_lang, self.target_lang}
        return sorted(path for path in self.path.glob(f"{part}.*") if both & set(path.name.split(".")))

    def task_flags(self) -> List[str]:
        return ["--source-lang", self.source_lang, "--target-lang", self.target_lang]

    def prediction(self, out: Path, name: str, subset: str, train: Step, checkpoint: Path) -> Step:
        choice = self.choice
        command = ["fairseq-generate", str(self.path), "--user-dir", str(PACKAGE), "--path", str(checkpoint)]
        command += [*self.task_flags(), "--gen-subset", subset, "--beam", str(choice.beam)]
        if not {"--batch-size", "--max-tokens"} & {name_of(group) for group in groups(choice.decode_flags)}:
            command += ["--batch-size", "128"]
        command += choice.decode_flags
        settings = {
            "train": train.settings,
            "subset": subset,
            "data": self.checksums(subset),
            "beam": choice.beam,
            "flags": list(choice.decode_flags),
        }
        text = out / "decoded" / f"{subset}-{name}.txt"
        return Step(f"decode-{subset}-{name}", PREDICT, None, settings, command, output=text)

    def speed(self, step: Step, log: Path) -> float:
        return decoding_speed(step, log)

    @property
    def metrics(self) -> List[Json]:
        return [{"name": one.name, "title": one.title, "rises": one.rises} for one in self.chosen]

    @property
    def baselines(self) -> List[Json]:
        about = "the first {} tokens of the source"
        return [{"name": lead.name, "tokens": lead.tokens, "about": about.format(lead.tokens)} for lead in self.leads]

    def subset(self, name: str, runs: Sequence[Run]) -> Json:
        """The scores of a split over all sentences and by length of the source; samples."""
        found: Json = {"name": name, "sentences": 0, "lengths": [], "samples": [], "scores": {}, "by_length": {}}
        parts: List[List[int]] = []

        def add(system: str, decoded: Decoded, about: Json) -> None:
            scores = {one.name: one.score(decoded.hypotheses, decoded.references) for one in self.chosen}
            found["scores"].setdefault(system, []).append({**about, **scores})
            pieces = [decoded.select(numbers) for numbers in parts]
            by_length = [self.chosen[0].score(piece.hypotheses, piece.references) for piece in pieces]
            found["by_length"].setdefault(system, []).append(by_length)
            for sample in found["samples"]:
                sample["outputs"].setdefault(system, decoded.hypotheses[sample["number"]])

        for run in runs:
            decoded = read_decoded(run.predictions[name].required_output)
            decoded = replace(decoded, references=self.references.get(name, decoded.references))
            if not found["sentences"]:
                found["sentences"] = len(decoded.sources)
                parts = _parts(decoded.sources, found)
                found["samples"] = self._samples(decoded)
            add(run.system.name, decoded, {"seed": run.seed})
        if found["sentences"]:
            # sources and references are the same in every decoded text
            for lead in self.leads:
                add(lead.name, replace(decoded, hypotheses=lead.outputs(decoded.sources)), {})
        return found

    def _samples(self, decoded: Decoded) -> List[Json]:
        return [
            {
                "number": number,
                "source": decoded.sources[number],
                "reference": decoded.references[number],
                "outputs": {},
            }
            for number in sample_numbers(decoded.sources, self.choice.samples)
        ]

    def about(self) -> Json:
        choice = self.choice
        return {
            "source_lang": self.source_lang,
            "target_lang": self.target_lang,
            "beam": choice.beam,
            "decode_flags": list(choice.decode_flags),
            "references": str(choice.references) if choice.references else None,
        }

    def figures(self, results: Json) -> "Dict[str, Figure]":
        label = "bits a target token, teacher-forced"
        figures = {"learning-curves": plots.learning_curves(results, label)}
        for subset in results["subsets"]:
            if len(subset["lengths"]) > 1:
                figures[f"by-length-{subset['name']}"] = plots.by_length(results, subset)
        return figures

    def signatures(self) -> List[str]:
        return metrics.signatures(self.chosen, self.choice.bleu_tokenize)

    def look_inside(self, settings: Settings, runs: Sequence[Run], runner: Runner, results: Json) -> bool:
        from s2s_plugins.comparison.inside import Looking

        Looking(self, settings.out).write(runs, settings.seeds[0], runner, results)
        return True

    def inside(self, settings: Settings, results: Json) -> Inside:
        from s2s_plugins.comparison.inside import Looking

        return Looking(self, settings.out).read(results)


def _parts(sources: Sequence[str], found: Json) -> List[List[int]]:
    """The sentences of each range of lengths; adds the ranges to ``found``."""
    lengths = [len(source.split()) for source in sources]
    parts = []
    for low, high in length_groups(lengths):
        parts.append([number for number, length in enumerate(lengths) if low <= length <= high])
        found["lengths"].append({"from": low, "to": high, "sentences": len(parts[-1])})
    return parts


def languages(data: Path, subsets: Sequence[str]) -> Tuple[str, str]:
    """Source and target language of binarised data, by its file names.

    Raises:
        UsageError: the folder is missing or holds no such split.
    """
    from fairseq.data.data_utils import infer_language_pair

    if not data.is_dir():
        raise UsageError(f"DATA-BIN {data} is no folder: name what fairseq-preprocess wrote")
    source, target = infer_language_pair(str(data))
    if source is None or target is None:
        raise UsageError(f"DATA-BIN {data} holds no pair of languages: name what fairseq-preprocess wrote")
    for split in ("train", "valid", *subsets):
        if not (data / f"{split}.{source}-{target}.{target}.idx").is_file():
            raise UsageError(f"{data} has no {split} split with a {target} side: make it with fairseq-preprocess")
    return source, target


def read_references(
    data: Path, subsets: Sequence[str], folder: Optional[Path], source_lang: str, target_lang: str
) -> Dict[str, List[str]]:
    """The lines of ``--references`` by split; empty without the flag.

    Raises:
        UsageError: a file is missing, or does not have as many lines as the split has sentences.
    """
    from fairseq.data.data_utils import load_indexed_dataset

    found: Dict[str, List[str]] = {}
    if folder is None:
        return found
    for split in subsets:
        path = folder / f"{split}.{target_lang}"
        if not path.is_file():
            raise UsageError(f"--references {folder} has no {path.name}: it takes a line for each sentence")
        try:
            found[split] = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            raise UsageError(f"--references {path} is not UTF-8 text") from None
        sentences = len(load_indexed_dataset(str(data / f"{split}.{source_lang}-{target_lang}.{target_lang}")))
        if len(found[split]) != sentences:
            raise UsageError(f"{path} has {len(found[split])} lines for the {sentences} sentences of {data}")
    return found
