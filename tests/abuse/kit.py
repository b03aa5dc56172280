"""What the tables of bad inputs are about: sound data and checkpoints, made once, and a way to run a row."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional, Sequence, Tuple

from conftest import USER_DIR, Commands, Result, digit_pairs, preprocess

SIZES = {
    "lstm": "--encoder-embed-dim 16 --encoder-hidden-size 16 --decoder-embed-dim 16 --decoder-hidden-size 16"
    " --decoder-out-embed-dim 16",
    "fconv": "--encoder-embed-dim 16 --decoder-embed-dim 16 --decoder-out-embed-dim 16 --encoder-layers [(16,3)]*1"
    " --decoder-layers [(16,3)]*1",
}
REVIEWS = [(f"{word} film number {n}", label) for n in range(20) for word, label in (("good", "pos"), ("bad", "neg"))]


@dataclass(frozen=True)
class Row:
    """A bad input and what has to come of it.

    Args:
        wrong: what is wrong, for the test's name.
        command: a shell line, in which ``{NAME}`` is a path of the kit and ``{out}`` a name in a new folder; its output
            may go ``> FILE``, or ``CLOSED`` stands before it (``QUIET``: standard error is closed).
        names: texts, each of which the message must hold; of alternatives separated by ``|``, one.
        codes: exit codes allowed.
        stdin: standard input; None: closed.
        env: of the environment.
    """

    wrong: str
    command: str
    names: Sequence[str]
    codes: Tuple[int, ...] = (2,)
    stdin: Optional[str] = ""
    env: Tuple[Tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        return f"{self.command.split()[0]}: {self.wrong}"


class Kit:
    """Sound data and checkpoints in a folder, by name.

    Args:
        commands: started warm.
    """

    def __init__(self, commands: Commands) -> None:
        self.commands, self.folder = commands, commands.folder
        self.paths: Dict[str, object] = {"user_dir": USER_DIR}
        self.count = 0

    def path(self, name: str) -> Path:
        return Path(str(self.paths[name]))

    def write(self, name: str, content, file: Optional[str] = None) -> Path:
        """A file of the kit, which rows know as ``{name}``."""
        path = self.folder / "files" / (file or name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.paths[name] = path
        return path

    def build(self) -> "Kit":
        commands, folder, paths = self.commands, self.folder, self.paths
        paths["data"] = preprocess(
            commands, folder / "digits", digit_pairs(61, 1), digit_pairs(11, 2), digit_pairs(13, 3)
        )
        for arch in ("peek_lstm_tiny", "attention_lstm_tiny", "lstm", "fconv"):
            save_dir = folder / "trained" / arch
            flags = shlex.split(SIZES.get(arch, ""))
            commands.train(paths["data"], arch, save_dir, "--max-epoch", 1, *flags)
            paths[arch.replace("_lstm_tiny", "")] = save_dir / "checkpoint_last.pt"
        table = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in REVIEWS)
        text = self.write("labelled", table, "l.tsv")
        commands("s2s", "prepare", "--train", text, "--dest", folder / "reviews", "--level", "word", "--min-count", 1)
        paths["prepared"], paths["reviews"] = folder / "reviews", folder / "reviews" / "classify"
        paths["pretrain"] = folder / "reviews" / "pretrain"
        task = ("--task", "text_classification", "--max-epoch", 1)
        commands.train(paths["reviews"], "sa_lstm_tiny", folder / "trained" / "sa", *task)
        paths["classifier"] = folder / "trained" / "sa" / "checkpoint_last.pt"
        task = ("--task", "language_modeling", "--tokens-per-sample", 20, "--max-epoch", 1)
        commands.train(paths["pretrain"], "lm_lstm_tiny", folder / "trained" / "lm", *task)
        paths["lm"] = folder / "trained" / "lm" / "checkpoint_last.pt"
        self.write("file", "a file\n", "file.txt")
        vector = "0.1 " * 15
        self.write("nan_vectors", f"1 {vector}0.1\n2 {vector}nan\n", "nan.txt")
        self.write("inf_vectors", f"1 {vector}1e39\n", "inf.txt")
        self.write("latin1", "1 2\né\n".encode("latin-1"), "latin1.txt")
        self.write("empty", "", "empty.tsv")
        paths["folder"], paths["folder_of_mine"] = folder / "empty-folder", folder / "mine"
        paths["folder"].mkdir()
        paths["folder_of_mine"].mkdir()
        (paths["folder_of_mine"] / "thesis.txt").write_text("mine")
        paths["fifo"] = folder / "fifo"
        os.mkfifo(paths["fifo"])
        return self

    def run(self, row: Row) -> Result:
        """Run a row in a folder of its own, and check what has to be."""
        self.count += 1
        cwd = self.folder / "rows" / str(self.count)
        cwd.mkdir(parents=True)
        words = [word.format(out=cwd / "out", **self.paths) for word in shlex.split(row.command)]
        streams: Dict[str, Optional[str]] = {}
        if words[0] == "CLOSED":
            words, streams["stdout"] = words[1:], None
        elif words[0] == "QUIET":
            words, streams["stderr"] = words[1:], None
        elif ">" in words:
            words, streams["stdout"] = words[:-2], words[-1]
        if row.stdin is None:
            streams["stdin"] = None
        stdin = row.stdin or ""
        result = self.commands(*words, cwd=cwd, stdin=stdin, env=dict(row.env), code=None, streams=streams)
        said = result.err
        assert result.code in row.codes, f"exit code {result.code} of {words}:\n{result.out[-2000:]}\n{said[-4000:]}"
        assert "Traceback" not in said and "Traceback" not in result.out, said
        if result.code != 0:
            errors = [line for line in said.splitlines() if ": error: " in line]
            assert len(errors) == 1, said
            for name in row.names:
                accepted = [one.format(out=cwd / "out", **self.paths) for one in name.split("|")]
                assert any(one in errors[0] for one in accepted), f"{accepted} is not in: {errors[0]}"
        left = [str(path) for path in cwd.rglob("*") if re.search(r"partial|\.tmp$|.\.lock$", path.name)]
        assert not left, left
        return result


TRAIN = (
    "fairseq-train {data} --user-dir {user_dir} --arch peek_lstm_tiny --optimizer adam --lr 0.01 --max-tokens 400 "
    "--max-update 1 --save-dir {out} --num-workers 0 "
)
GENERATE = "fairseq-generate {data} --user-dir {user_dir} --path {peek} --num-workers 0 "
INTERACTIVE = "fairseq-interactive {data} --user-dir {user_dir} --path {peek} "
VALIDATE = (
    "fairseq-validate {data} --user-dir {user_dir} --path {peek} --num-workers 0 --max-tokens 400 --valid-subset test "
)
EVAL_LM = "fairseq-eval-lm {pretrain} --user-dir {user_dir} --path {lm} --gen-subset valid --num-workers 0 "
