"""What came out: results.json, table.md, learning-curve.png and report.html."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import List, Optional

from common.recipe import words
from dialogue.plan import Plan
from dialogue.prompts import PROMPTS
from dialogue.recipe import BY_EPOCH, DECODINGS, SEARCH
from dialogue.scores import variety
from s2s_plugins.comparison.decoded import read_decoded
from s2s_plugins.comparison.report import embedded
from s2s_plugins.comparison.run import machine
from s2s_plugins.extras import library
from s2s_plugins.files import replacing, write_whole
from s2s_plugins.reports import templates
from s2s_plugins.steps import DONE, Runner

TITLE = "Film dialogue: statement → reply"
HEADS = ["answers by", "distinct-1 %", "distinct-2 %", "mean tokens", "commonest answer", "its share %", "answers/s"]


def readable(tokens: str) -> str:
    """``yes , sir ...`` -> ``yes, sir...``."""
    return re.sub(r" (?=[.,!?;:])", "", tokens)


def collect(plan: Plan, runner: Runner) -> dict:
    """All that is known so far; what is not yet is None, or missing in a list."""
    epochs = []
    for number, (train, prompts) in enumerate(zip(plan.epochs, plan.prompts), start=1):
        if runner.status(train) == DONE and runner.status(prompts) == DONE:
            state = runner.read(train)
            kept = {key: state[key] for key in ("train_loss", "valid_loss", "updates", "seconds")}
            answers = json.loads(prompts.required_output.read_text(encoding="utf-8"))[BY_EPOCH]
            epochs.append({"epoch": number, **kept, "answers": answers})
    tested, answered = (runner.status(step) == DONE for step in (plan.perplexity, plan.answers))
    loss = runner.read(plan.perplexity)["test_loss"] if tested else None
    return {
        "title": TITLE,
        "machine": machine(),
        "seed": plan.seed,
        "pairs": {split: len(_lines(plan, split)) for split in ("train", "valid", "test")},
        "words": len((plan.data / "bin" / "dict.reply.txt").read_text(encoding="utf-8").splitlines()),
        "flags": plan.epochs[-1].settings["flags"],
        "planned_epochs": len(plan.epochs),
        "epochs": epochs,
        "best_epoch": min(epochs, key=lambda one: one["valid_loss"])["epoch"] if epochs else None,
        "parameters": runner.read(plan.epochs[0]).get("parameters"),
        "test_perplexity": None if loss is None else 2**loss,
        "decodings": _decodings(plan, runner),
        "prompts": list(PROMPTS),
        "answers": json.loads(plan.answers.required_output.read_text(encoding="utf-8")) if answered else None,
    }


def _lines(plan: Plan, split: str) -> List[str]:
    return (plan.data / "text" / f"{split}.reply").read_text(encoding="utf-8").splitlines()


def _decodings(plan: Plan, runner: Runner) -> List[dict]:
    """What was decoded of the test set, and behind it what the films answer, with all their words."""
    found = []
    for name, step in plan.decodes.items():
        if runner.status(step) == DONE:
            speed = runner.read(step)["sentences_per_second"]
            flags = " ".join(words({**SEARCH, **DECODINGS[name]}))
            found.append(
                {"name": name, "flags": flags, "sentences_per_second": speed}
                | variety(read_decoded(step.required_output).hypotheses)
            )
    if found:
        found.append({"name": "the films", "flags": "", "sentences_per_second": None, **variety(_lines(plan, "test"))})
    return found


def rows(results: dict) -> List[List[str]]:
    """The table's rows, as text."""
    return [
        [
            one["name"],
            f"{one['distinct_1']:.2f}",
            f"{one['distinct_2']:.2f}",
            f"{one['mean_length']:.2f}",
            readable(one["commonest"]),
            f"{one['commonest_share']:.2f}",
            "-" if one["sentences_per_second"] is None else f"{one['sentences_per_second']:,.1f}",
        ]
        for one in results["decodings"]
    ]


def summary(results: dict) -> str:
    """What was trained, and the test perplexity, in a sentence or two."""
    pairs, done = results["pairs"], len(results["epochs"])
    minutes = sum(epoch["seconds"] for epoch in results["epochs"]) / 60
    text = (
        f"{pairs['train']:,} pairs to train, {pairs['valid']:,} to validate, {pairs['test']:,} to test; a dictionary "
        f"of {results['words']:,} words, others are <unk>; {results['parameters']:,} parameters; {done} of "
        f"{results['planned_epochs']} epochs in {minutes:.1f} minutes, seed {results['seed']}."
    )
    if results["test_perplexity"] is not None:
        text += (
            f" Test perplexity {results['test_perplexity']:.2f} after epoch {results['best_epoch']}, that of the "
            "lowest validation loss; <unk> counts as a word."
        )
    return text


def markdown(lines: List[List[str]]) -> str:
    """A Markdown table; the first line is its heading."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    return "\n".join([padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]])


def table(results: dict) -> str:
    """table.md: the scores, and the answers to the prompts."""
    parts = [f"# {results['title']}", summary(results)]
    if results["decodings"]:
        parts.append(markdown([HEADS, *rows(results)]))
    if results["answers"]:
        answers = results["answers"]
        lines = [[prompt, *(answers[name][place] for name in answers)] for place, prompt in enumerate(PROMPTS)]
        parts.append(markdown([["prompt", *answers], *([readable(cell) for cell in line] for line in lines)]))
    return "\n\n".join(parts) + "\n"


def curve(results: dict, path: Path) -> None:
    """The perplexity of training and validation after each epoch."""
    library("matplotlib").use("Agg")
    from matplotlib import pyplot, ticker

    figure, axis = pyplot.subplots(figsize=(6.5, 3.8), layout="constrained")
    numbers = [epoch["epoch"] for epoch in results["epochs"]]
    for key, label, marker, colour in (
        ("train_loss", "training, with dropout, mean of the epoch", "o", "#0072B2"),
        ("valid_loss", "validation, after the epoch", "s", "#D55E00"),
    ):
        perplexities = [2 ** epoch[key] for epoch in results["epochs"]]
        axis.plot(numbers, perplexities, marker=marker, markersize=4.5, color=colour, label=label)
    axis.axvline(results["best_epoch"], color="#777777", lw=1, ls=":", label="best")
    axis.set_yscale("log")
    for which in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        which(ticker.FormatStrFormatter("%g"))
    axis.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    axis.set_xlabel("epoch")
    axis.set_ylabel("perplexity of a reply's token")
    axis.grid(alpha=0.25, which="both")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")
    pyplot.close(figure)


def write(plan: Plan, runner: Runner) -> Optional[str]:
    """All four files below the plan's folder, and table.md's text; None while no epoch is done."""
    results = collect(plan, runner)
    if not results["epochs"]:
        return None
    write_whole(plan.out / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    text = table(results)
    write_whole(plan.out / "table.md", text)
    picture = plan.out / "learning-curve.png"
    curve(results, picture)
    environment = templates(__package__)
    environment.filters["readable"] = readable
    page = environment.get_template("report.html").render(
        results=results,
        heads=HEADS,
        rows=rows(results),
        summary=summary(results),
        by_epoch=BY_EPOCH,
        curve=embedded(picture),
    )
    write_whole(plan.out / "report.html", page)
    return text
