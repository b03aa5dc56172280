"""The results as text: ``results.txt``."""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence

RATIO_NOTE = "ratio: ours / fairseq lstm, median of the adjacent pairs [lowest .. highest]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> List[str]:
    """A table of columns, the first one left-aligned."""
    rows = [header, *rows]
    # a row that is shorter than the header ends in a note, which may be as long as it likes
    whole = [row for row in rows if len(row) == len(header)]
    widths = [max(len(row[column]) for row in whole) for column in range(len(header))]
    lines = []
    for row in rows:
        note = len(row) < len(header)
        cells = [
            cell if note and index == len(row) - 1 else cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def number(value: float) -> str:
    """Three significant digits: ``12,345``, ``123``, ``12.3``, ``0.123``."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def ratio(row: dict) -> str:
    found = row["ratio"]
    if found["low"] == found["high"]:
        return f"{found['median']:.2f}"
    return f"{found['median']:.2f} [{found['low']:.2f} .. {found['high']:.2f}]"


def ranged(found: dict) -> str:
    if found["low"] == found["high"]:
        return number(found["median"])
    return f"{number(found['median'])} [{number(found['low'])} .. {number(found['high'])}]"


def training(part: dict) -> List[str]:
    lines = []
    for shape in dict.fromkeys(row["shape"] for row in part["rows"]):
        rows = []
        for row in part["rows"]:
            if row["shape"] != shape:
                continue
            start = [row["system"], row["precision"], f"{row['parameters'] / 1e6:.2f}"]
            if "note" in row:
                rows.append([*start, row["note"]])
                continue
            loss = row.get("loss")
            text = f"{loss['percent']:+.2f} % after {loss['updates']}" if loss else ""
            rows.append([*start, ranged(row["baseline"]), ranged(row["ours"]), ratio(row), text])
        parameters = part["rows"][0 if shape == part["rows"][0]["shape"] else -1]["baseline_parameters"]
        lines += [f"training, target tokens/s, shape {shape} (fairseq lstm: {parameters / 1e6:.2f} M parameters, fp32)"]
        lines += table(["system", "", "M par.", "fairseq lstm", "ours", "ratio", "bf16 loss"], rows) + [""]
    return lines


def decoding(part: dict) -> List[str]:
    lines = []
    for way in dict.fromkeys(row["way"] for row in part["rows"]):
        chosen = [row for row in part["rows"] if row["way"] == way]
        latency = "milliseconds" in chosen[0]
        header = ["system", "fairseq lstm", "ours", "ratio", "mean length"]
        header += ["p50 ms", "p95 ms"] if latency else ["ratio of the whole call"]
        rows = []
        for row in chosen:
            lengths = f"{row['lengths']['baseline']:.2f} : {row['lengths']['ours']:.2f}"
            cells = [row["system"], ranged(row["baseline"]), ranged(row["ours"]), ratio(row), lengths]
            if latency:
                times = row["milliseconds"]
                cells += [f"{times['baseline'][p]:.1f} : {times['ours'][p]:.1f}" for p in ("p50", "p95")]
            else:
                cells.append(ratio(row["whole_call"]))
            rows.append(cells)
        title = f"decoding, {way}: beam {chosen[0]['beam']}, batch {chosen[0]['batch']}; sentences/s"
        lines += [f"{title}; a : b is fairseq lstm : ours", *table(header, rows), ""]
    return lines


def memory(part: dict) -> List[str]:
    first = part["rows"][0]
    rows = []
    for row in part["rows"]:
        cells = [row["system"]]
        for command in ("train", "generate"):
            cells += [f"{row[command]:,.0f}", f"{row[command] / first[command]:.2f}"]
        rows.append(cells)
    header = ["system", "fairseq-train", "ratio", "fairseq-generate", "ratio"]
    return ["memory, largest resident size of the process, MB", *table(header, rows), ""]


def growth(part: dict) -> List[str]:
    lines = []
    names = part["systems"]
    for axis, points in part["axes"].items():
        rows = [
            [f"{point['value']:,}", *(number(1000 * point["seconds"][name]["median"]) for name in names)]
            for point in points
        ]
        what = "ms a decoded batch" if axis == "beam" else "ms an update, the tokens of a batch held constant"
        lines += [f"growth with {axis}, {what}", *table([axis, *names], rows), ""]
    found = part["processes"]
    lines.append("one process or two, target tokens/s")
    if "note" in found:
        return [*lines, f"  {found['note']}", ""]
    lines += [f"  {found['system']}, {way}: {number(rate)}" for way, rate in found["rates"].items()]
    return [*lines, f"  fairseq lstm: {found['baseline']}", ""]


def profile(part: dict) -> List[str]:
    lines = []
    for kind in ("training", "decoding"):
        groups = list(part["rows"][0][kind]["shares"])
        rows = [
            [row["system"], *(f"{100 * row[kind]['shares'][group]:.0f}" for group in groups)] for row in part["rows"]
        ]
        lines += [f"where the time goes, {kind}, % of the profiled time", *table(["system", *groups], rows), ""]
    product = part["product"]
    shape = f"{product['rows']} x {product['inner']} by {product['inner']} x {4 * product['inner']}"
    speeds = f"{number(product['gflops'])} GFLOP/s in fp32, {number(product['gflops_bf16'])} in bf16"
    lines.append(f"arithmetic of a training step; a product of {shape}: {speeds}")
    first = part["rows"][0]["arithmetic"]
    rows = [
        [
            row["system"],
            f"{row['arithmetic'] / first:.2f}",
            number(row["gflops"]),
            f"{100 * row['gflops'] / product['gflops']:.0f}",
        ]
        for row in part["rows"]
    ]
    return [*lines, *table(["system", "arithmetic, fairseq lstm = 1", "GFLOP/s", "% of the product"], rows), ""]


def ablation(part: dict) -> List[str]:
    lines = []
    for command in ("training", "decoding"):
        rows = []
        for row in part["rows"]:
            if row["command"] != command:
                continue
            if "note" in row:
                rows.append([row["system"], row["change"], row["note"]])
                continue
            cells = [row["system"], row["change"], ratio(row)]
            if command == "decoding":
                scores = row.get("scores")
                cells.append(
                    f"{100 * scores['same_hypotheses']:.1f} % same, scores differ by {scores['mean']:.4f}, at most "
                    f"{scores['largest']:.4f}"
                    if scores
                    else "the same"
                )
            rows.append(cells)
        header = ["system", "change", "speed with / without it"] + (
            ["best hypotheses"] if command == "decoding" else []
        )
        lines += [f"what pays, {command}, our own model with and without", *table(header, rows), ""]
    return lines


def same(part: dict) -> List[str]:
    rows = []
    for row in part["rows"]:
        difference = row["difference"] if isinstance(row["difference"], str) else f"{row['difference']:.1e}"
        rows.append([row["system"], row["check"], difference, f"{row['limit']:.0e}", "" if row["passed"] else "FAILED"])
    return ["the same numbers", *table(["system", "check", "difference", "limit", ""], rows), ""]


SECTIONS: Dict[str, Callable[[dict], List[str]]] = {
    "same": same,
    "training": training,
    "decoding": decoding,
    "memory": memory,
    "growth": growth,
    "profile": profile,
    "ablation": ablation,
}


def head(results: dict) -> List[str]:
    """Machine, versions, threads, shapes, date."""
    machine, settings = results["machine"], results["settings"]
    instructions = ", ".join(f"{name} {'yes' if has else 'no'}" for name, has in machine["instructions"].items())
    shapes = [
        f"shape {shape['name']}: encoder {shape['encoder_embed']} -> {shape['encoder_hidden']}"
        f"{' a direction' if shape['bidirectional'] else ''}, decoder {shape['decoder_embed']} -> "
        f"{shape['decoder_hidden']} -> {shape['out_embed']}, layers {shape['layers']}, "
        f"{shape['max_tokens']:,} tokens a batch"
        f"{'' if shape['vocabulary'] is None else ', synthetic, vocabulary ' + format(shape['vocabulary'], ',')}"
        for shape in (settings["scale"][name] for name in ("g2p", "translation", "growth"))
    ]
    words = settings["g2p_bin"] or ("made up" if settings["quick"] else "CMUdict")
    return [
        f"date       {results['date']}{', --quick: made-up data, sizes that say nothing' if settings['quick'] else ''}",
        f"machine    {machine['cpu']}, {machine['cores']} cores, {machine['system']}; device {results['device']}",
        f"           {instructions}",
        f"versions   {', '.join(f'{name} {version}' for name, version in settings['versions'].items())}",
        f"threads    {settings['threads']}; rounds {settings['rounds']}; "
        f"g2p data: {words}; load before the last start {results['load']}",
        *shapes,
        RATIO_NOTE,
        "",
    ]


def text(results: dict) -> str:
    """The whole table; parts that have not run are left out."""
    lines = head(results)
    for name, section in SECTIONS.items():
        if name in results["parts"]:
            lines += section(results["parts"][name]["results"])
    return "\n".join(lines)
