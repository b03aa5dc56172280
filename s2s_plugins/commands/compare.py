"""``s2s-compare``: train several models alike, decode, score, and write one report."""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import shlex
import signal
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from s2s_plugins.comparison import collect, metrics, plots, report
from s2s_plugins.comparison.lead import Lead, leads_of
from s2s_plugins.comparison.plan import Plan, Run, Settings, attention_step, seeds_of
from s2s_plugins.errors import UsageError, one_line_errors
from s2s_plugins.files import write_whole
from s2s_plugins.reports import library
from s2s_plugins.reports.diagram import Diagram, diagram_of
from s2s_plugins.steps import DONE, Runner

USAGE = "s2s-compare DATA-BIN --archs A,B,... --updates N --out DIR [options] [-- flags for fairseq-train]"
DESCRIPTION = """\
Trains each architecture with the same budget, decodes the test set, scores what came out, and writes DIR/report.html
(one page, opens from disk), DIR/results.json and pictures. Stopped and started again, it goes on where it was."""
EPILOG = """\
Flags after -- go to every training that has them; basic_lstm has no --decoder-embed-dim, and none but attention_lstm an
--attention. Left out, they are: --optimizer adam --lr 0.002, falling to 0, --clip-norm 1 --max-tokens 4000.

  s2s-compare DATA --archs basic_lstm,feedback_lstm,peek_lstm,attention_lstm,lstm --updates 2000 --out comparison \\
      -- --encoder-embed-dim 128 --encoder-hidden-size 128 --decoder-embed-dim 128 --decoder-hidden-size 256
  s2s-compare DATA --archs attention_lstm,luong=attention_lstm --updates 2000 --out timing \\
      --flags luong '--attention general --attention-timing after'"""


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="s2s-compare",
        usage=USAGE,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("data", metavar="DATA-BIN", help="folder of fairseq-preprocess, with train, valid and the split to decode")
    add("--archs", required=True, metavar="A,B,...", help="architectures; NAME=ARCH gives one a name of its own")
    add("--updates", type=int, required=True, metavar="N", help="of each training")
    add("--out", required=True, metavar="DIR", help="where everything goes")
    add("--seeds", default="1", metavar="N", help="trainings of each, with seeds 1 to N; or a list: 4,7 (default: 1)")
    add("--flags", nargs=2, action="append", default=[], metavar=("NAME", "'FLAGS'"), help="flags of one system alone")
    add("--metrics", default="exact,token-error", metavar="M,...", help=f"of: {', '.join(metrics.metrics())}")
    add("--bleu-tokenize", default="13a", metavar="T", help="sacrebleu's tokenizer: 13a, zh, none, ... (default: 13a)")
    add("--lead", default="", metavar="N,...", help="also a row with the first N tokens of the source as the output")
    add("--subset", default="test", metavar="S,...", help="splits to decode, the main one first (default: test)")
    add("--beam", type=int, default=5, metavar="N", help="of decoding (default: 5)")
    add("--decode-flags", default="", metavar="'FLAGS'", help="for fairseq-generate, as '--post-process sentencepiece'")
    add("--references", metavar="DIR", help="text to score against, DIR/SPLIT.LANG (default: the data, with its <unk>)")
    add(
        "--checkpoint", choices=["best", "last"], default="best", help="by validation loss, or the last (default: best)"
    )
    add("--samples", type=int, default=12, metavar="N", help="sentences shown side by side (default: 12)")
    add("--attention-maps", type=int, default=3, metavar="N", help="of those, as many are drawn (default: 3)")
    add("--title", metavar="TEXT", help="of the report")
    add("--redo", action="store_true", help="make anew what was made with other settings")
    return result


def words(text: str, flag: str) -> List[str]:
    """``text`` as a shell would split it.

    Raises:
        UsageError: it cannot.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text!r}: {error}") from None


def settings_of(args: argparse.Namespace, train_flags: Sequence[str]) -> Settings:
    """The settings of a comparison.

    Raises:
        UsageError: a flag makes no sense.
    """
    for name, least in (("updates", 1), ("beam", 1), ("samples", 0), ("attention_maps", 0)):
        if getattr(args, name) < least:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(args, name)} is too few: use {least} or more")
    seeds = seeds_of(args.seeds)
    if seeds is None:
        raise UsageError(
            f"--seeds {args.seeds} is neither a number of seeds nor a list of different ones: use 3, or 4,7"
        )
    own: Dict[str, List[str]] = {}
    for name, text in args.flags:
        own[name] = [*own.get(name, []), *words(text, f"--flags {name}")]
    return Settings(
        data=Path(args.data),
        out=Path(args.out),
        updates=args.updates,
        seeds=seeds,
        flags=train_flags,
        own_flags=own,
        subsets=[name for name in args.subset.split(",") if name] or ["test"],
        beam=args.beam,
        decode_flags=words(args.decode_flags, "--decode-flags"),
        checkpoint=args.checkpoint,
        references=Path(args.references) if args.references else None,
    )


def machine() -> str:
    """What the speeds were measured on."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    threads = int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads())
    return f"{device} ({platform.machine()}), {threads} thread{'s'[: threads > 1]}, PyTorch {torch.__version__}"


class Report:
    """Writes what is known, again whenever there is more.

    Args:
        plan: of the comparison.
        runner: that knows which steps are done.
        chosen: the metrics, the main one first.
        args: the command's flags.
        leads: rows that are the beginning of the source.
    """

    def __init__(
        self,
        plan: Plan,
        runner: Runner,
        chosen: List[metrics.Metric],
        args: argparse.Namespace,
        leads: Sequence[Lead] = (),
    ) -> None:
        self.plan, self.runner, self.chosen, self.args, self.leads = plan, runner, chosen, args, leads

    def results(self) -> dict:
        settings = self.plan.settings
        results = collect.collect(self.plan, self.runner, self.chosen, self.args.samples, self.leads)
        results["title"] = self.args.title or f"{settings.data.resolve().name}: models compared"
        results["machine"] = machine()
        results["signatures"] = metrics.signatures(self.chosen, self.args.bleu_tokenize)
        results["settings"] = {
            "data": str(settings.data),
            "source_lang": self.plan.source_lang,
            "target_lang": self.plan.target_lang,
            "updates": settings.updates,
            "seeds": list(settings.seeds),
            "beam": settings.beam,
            "decode_flags": list(settings.decode_flags),
            "checkpoint": settings.checkpoint,
            "references": str(settings.references) if settings.references else None,
        }
        return results

    def write(self) -> Optional[dict]:
        """results.json, the pictures and report.html; None while nothing is decoded yet."""
        results = self.results()
        if not results["systems"]:
            return None
        out = self.plan.settings.out
        write_whole(out / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        page = report.page(results, plots.draw(results, out), self._maps(results), self._diagrams(results))
        write_whole(out / "report.html", page)
        return results

    def look_inside(self) -> None:
        """Keep what there is to draw of each system's decoder, and its attention over some of the samples."""
        results = self.results()
        numbers = [sample["number"] for sample in _spread(results["subsets"][0]["samples"], self.args.attention_maps)]
        steps = []
        for run in self.plan.runs:
            if run.seed == self.plan.settings.seeds[0]:
                path = self._path(run.system.name)
                steps.append(
                    attention_step(
                        self.plan, run, numbers, path, lambda r=run, p=path: self._look_inside(r, numbers, p)
                    )
                )
        stale = [step for step in steps if self.runner.status(step) != DONE]
        if stale:
            Runner(self.runner.out, redo=True).run(stale)

    def _look_inside(self, run: Run, numbers: List[int], path: Path) -> None:
        from s2s_plugins.translator import Translator

        translator = Translator(str(run.checkpoint), str(self.plan.settings.data))
        diagram = diagram_of(run.system.name, translator.model)
        if diagram is not None:
            write_whole(self._diagram_path(run.system.name), json.dumps(vars(diagram)))
        kept: List[dict] = []
        if translator.has_attention and numbers:
            sentences = translator.read(self.plan.settings.subsets[0])
            alignments = translator.attend([sentences[number] for number in numbers], self.plan.settings.beam)
            kept = [{**vars(alignment), "weights": alignment.weights.tolist()} for alignment in alignments]
        write_whole(path, json.dumps(kept, ensure_ascii=False))

    def _path(self, name: str) -> Path:
        return self.plan.settings.out / "attention" / f"{name}.json"

    def _diagram_path(self, name: str) -> Path:
        return self.plan.settings.out / "attention" / f"{name}-decoder.json"

    def _diagrams(self, results: dict) -> List[Diagram]:
        """What there is to draw of the systems' decoders."""
        paths = [self._diagram_path(system["name"]) for system in results["systems"]]
        return [Diagram(**json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()]

    def _maps(self, results: dict) -> Dict[str, List[str]]:
        """The heat maps of each system that has an attention, as HTML; the first one brings what all of them need."""
        from s2s_plugins.reports.heatmap import Alignment, fragment

        maps: Dict[str, List[str]] = {}
        for system in results["systems"]:
            path = self._path(system["name"])
            kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
            for one in kept:
                html = fragment(Alignment(**one), assets=not maps)
                maps.setdefault(system["name"], []).append(html)
        return maps


def _spread(items: Sequence, count: int) -> List:
    """``count`` of ``items``, evenly."""
    count = min(count, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]


def split_argv(argv: Sequence[str]) -> Tuple[List[str], List[str]]:
    """What stands before ``--`` and after it."""
    place = argv.index("--") if "--" in argv else len(argv)
    return list(argv[:place]), list(argv[place + 1 :])


def main(argv: Optional[List[str]] = None) -> int:
    own, train_flags = split_argv(sys.argv[1:] if argv is None else argv)
    args = parser().parse_args(own)
    logging.basicConfig(level=logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the running step too
    with one_line_errors("s2s-compare", args.out, "stopped; the same command goes on from here"):
        chosen = metrics.choose([name for name in args.metrics.split(",") if name], args.bleu_tokenize)
        settings = settings_of(args, train_flags)
        library("jinja2"), library("matplotlib")  # better missed now than after the training
        plan = Plan(args.archs.split(","), settings)
        leads = leads_of(args.lead, [system.name for system in plan.systems])
        for system in plan.systems:
            if system.left_out:
                print(f"{system.name} has no {', '.join(system.left_out)}: trained without")
        runner = Runner(settings.out, args.redo, collect.figures)
        written = Report(plan, runner, chosen, args, leads)
        runner.run(plan.steps, after=lambda step: step.kind == "decode" and written.write())
        written.look_inside()
        results = written.write()
    out = Path(args.out)
    for subset in results["subsets"]:
        print(f"\n{report.text_table(results, subset)}")
    print(f"\nreport: {out / 'report.html'}, numbers: {out / 'results.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
