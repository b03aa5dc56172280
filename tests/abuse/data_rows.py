"""Rows of data that is damaged or of another form: binarised folders, tables, texts, state files."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Callable, Dict, List

from kit import GENERATE, TRAIN, VALIDATE, Kit, Row

NOISE = random.Random(3).randbytes(600)
DEEP = "[" * 100_000
INDEX, BIN = "train.src-tgt.src.idx", "train.src-tgt.src.bin"


def cut(kept: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes()[:kept])


def filled(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content)


def noise_behind(place: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[:place] + NOISE[: len(content) - place])

    return change


# folders of binarised pairs, by what was done to one of their files
PAIRS: Dict[str, tuple] = {
    "empty index": (INDEX, filled(b"")),
    "index of noise": (INDEX, filled(NOISE)),
    "index cut in its head": (INDEX, cut(12)),
    "index cut behind its head": (INDEX, cut(40)),
    "index of noise behind its head": (INDEX, noise_behind(34)),
    "index of another kind": (INDEX, noise_behind(17)),
    "no index": (INDEX, Path.unlink),
    "empty numbers": (BIN, filled(b"")),
    "numbers of noise": (BIN, noise_behind(0)),
    "numbers cut": (BIN, cut(100)),
    "no numbers": (BIN, Path.unlink),
    "no target numbers": ("train.src-tgt.tgt.bin", Path.unlink),
    "target numbers cut": ("train.src-tgt.tgt.bin", cut(50)),
    "no source dictionary": ("dict.src.txt", Path.unlink),
    "dictionary of noise": ("dict.src.txt", filled(NOISE)),
    "dictionary without counts": ("dict.tgt.txt", filled(b"a\nb\n")),
    "dictionary with a word twice": ("dict.src.txt", filled(b"a 1\na 1\n")),
    "empty dictionary": ("dict.tgt.txt", filled(b"")),
    "no validation": ("valid.src-tgt.src.idx", Path.unlink),
    "validation cut": ("valid.src-tgt.src.bin", cut(10)),
}
TEST = ("test.src-tgt.src.idx", "test.src-tgt.src.bin")
TESTS: Dict[str, tuple] = {
    "test index of noise": (TEST[0], filled(NOISE)),
    "test index cut": (TEST[0], cut(30)),
    "test numbers of noise": (TEST[1], noise_behind(0)),
    "test numbers cut": (TEST[1], cut(7)),
    "no test": (TEST[0], Path.unlink),
    "dictionary of noise": ("dict.src.txt", filled(NOISE)),
    "dictionary of another": ("dict.src.txt", filled(b"".join(b"w%d 1\n" % n for n in range(12)))),
}
DOCUMENTS: Dict[str, tuple] = {
    "document index of noise": ("input0/train.idx", filled(NOISE)),
    "document numbers cut": ("input0/train.bin", cut(20)),
    "document numbers of noise": ("input0/train.bin", noise_behind(0)),
    "no documents": ("input0/train.idx", Path.unlink),
    "no labels": ("label/train.idx", Path.unlink),
    "label index of noise": ("label/train.idx", filled(NOISE)),
    "label numbers of noise": ("label/train.bin", noise_behind(0)),
    "no label dictionary": ("label/dict.txt", Path.unlink),
    "empty label dictionary": ("label/dict.txt", filled(b"")),
    "fewer labels than documents": ("label/train.idx", lambda p: shutil.copy(p.with_name("valid.idx"), p)),
    "tokens of noise": ("tokens.json", filled(NOISE)),
    "tokens of another kind": ("tokens.json", filled(b"[1]")),
    "tokens that name a file": ("tokens.json", filled(b'{"level": "sentencepiece", "model": "/etc/passwd"}')),
    "no dictionary": ("input0/dict.txt", Path.unlink),
}
VECTORS: Dict[str, tuple] = {
    "no text": ("train.idx", Path.unlink),
    "text of noise": ("train.bin", noise_behind(0)),
    "index of noise": ("train.idx", filled(NOISE)),
    "no dictionary": ("dict.txt", Path.unlink),
}
TABLES = {
    "a row with more columns": (
        "t.csv",
        "text,label\nfine,pos\ngood, really good film,pos\n",
        ["line 3", "--skip-bad-rows"],
    ),
    "a row of a tsv with more columns": ("t.tsv", "text\tlabel\na\tb\nc\td\te\n", ["line 3", "--skip-bad-rows"]),
    "a row with fewer columns": ("t.tsv", "text\tlabel\na\tb\nc\n", ["line 3"]),
    "an open quote": ("t.csv", 'text,label\n"a,pos\n', ["t.csv"]),
    "no header": ("t.csv", "good,pos\nbad,neg\n", ["text"]),
    "a header alone": ("t.tsv", "text\tlabel\n", ["t.tsv"]),
    "an empty file": ("t.tsv", "", ["empty"]),
    "an empty label": ("t.tsv", "text\tlabel\na\t\n", ["line 2", "label"]),
    "a label that is a symbol": ("t.tsv", "text\tlabel\na\t<unk>\nb\tx\n", ["<unk>"]),
    "bytes of noise": ("t.tsv", NOISE, ["UTF-8"]),
    "UTF-16": ("t.csv", "text,label\na,b\n".encode("utf-16"), ["UTF-8"]),
    "zeros": ("t.csv", b"text,label\n\0\0,b\nx,\0\n", []),
    "another ending": ("t.docx", "text", [".csv"]),
    "deep JSON": ("t.jsonl", DEEP + "\n", ["line 1", "JSON"]),
    "deep objects": ("t.jsonl", '{"text":' * 50_000 + "\n", ["line 1", "JSON"]),
    "JSON that is no object": ("t.jsonl", "[1]\n", ["line 1"]),
    "JSON that is null": ("t.jsonl", "null\n", ["line 1"]),
    "JSON cut": ("t.jsonl", '{"text": "a", "label"', ["line 1", "JSON"]),
    "JSON without a text": ("t.jsonl", '{"label": "a"}\n', ["line 1", "text"]),
    "JSON with a list as text": ("t.jsonl", '{"text": [1], "label": "a"}\n', ["line 1", "text"]),
    "half a character": ("t.jsonl", '{"text": "\\ud800", "label": "a"}\n', ["line 1"]),
    "JSON of an infinite label": ("t.jsonl", '{"text": "a", "label": Infinity}\n{"text": "b", "label": 1e999}\n', []),
    "an integer of many digits": ("t.jsonl", '{"text": "a", "label": ' + "9" * 5000 + "}\n", ["line 1"]),
}
# fairseq-train starts without what these have lost
UNUSED = {"zeros", "JSON of an infinite label"}
STATES = {
    "null": "null",
    "list": "[]",
    "number": "3",
    "text": '"x"',
    "noise": "\x00\x01",
    "deep": DEEP,
    "half": '{"settings": ',
}
STATES.update({"no settings": '{"done": true}', "settings of another kind": '{"settings": [], "done": true}'})


def broken(kit: Kit, source: str, changes: Dict[str, tuple]) -> None:
    """A copy of a folder for each change, as ``{SOURCE: CHANGE}``."""
    for name, (file, change) in changes.items():
        copy = kit.folder / "broken" / folder_of(source, name)
        shutil.copytree(kit.path(source), copy)
        change(copy / file)
        kit.paths[folder_of(source, name)] = copy


def prepare(kit: Kit) -> None:
    for source, changes in (("data", {**PAIRS, **TESTS}), ("reviews", DOCUMENTS), ("pretrain", VECTORS)):
        broken(kit, source, changes)
    for name, (file, content, _) in TABLES.items():
        kit.write(f"table-{name}", content, f"table-{name}/{file}".replace(" ", "-"))
    folder = kit.folder / "classes"
    (folder / "pos" / "deeper").mkdir(parents=True)
    (folder / "empty").mkdir()
    for name, text in (("pos/1.txt", "good"), ("pos/deeper/2.txt", "great"), ("stray.txt", "lost")):
        (folder / name).write_text(text)
    kit.paths["classes"], kit.paths["no_classes"] = folder, kit.folder / "no-classes"
    kit.path("no_classes").mkdir()


def folder_of(source: str, change: str) -> str:
    return f"{source}-{change}".replace(" ", "-")


def rows() -> List[Row]:
    found = []
    for name in PAIRS:
        place = "{%s}" % folder_of("data", name)
        found.append(Row(name, TRAIN.replace("{data}", place), [place]))
    for name in TESTS:
        place = "{%s}" % folder_of("data", name)
        for command in (GENERATE, VALIDATE, "s2s attention {attention} --out {out} --data {data}"):
            found.append(Row(name, command.replace("{data}", place), [f"{place}|dictionary"]))
    classify = TRAIN.replace("peek_lstm_tiny", "sa_lstm_tiny") + "--task text_classification"
    for name in DOCUMENTS:
        place = "{%s}" % folder_of("reviews", name)
        found.append(Row(name, classify.replace("{data}", place), [place]))
    for name in VECTORS:
        place = "{%s}" % folder_of("pretrain", name)
        found.append(Row(name, f"s2s vectors {place} --out {{out}}", [place]))
    prepare = "s2s prepare --level word --dest {out} --train "
    for name, (_, _, names) in TABLES.items():
        codes = (0, 2) if name in UNUSED else (2,)
        found.append(Row(name, prepare + "'{table-%s}' --min-count 1" % name, names, codes))
    found.append(Row("no folder of a class", prepare + "{no_classes}", ["{no_classes}"]))
    return found


ROWS = rows()
