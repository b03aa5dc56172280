"""What the tests share: small parallel data, models built in memory, and fairseq's real commands."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
from argparse import Namespace
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Dict, List, Optional, Sequence

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.tasks.translation import TranslationConfig, TranslationTask

import s2s_plugins  # noqa: F401  (registers the architectures)

REPOSITORY = Path(__file__).resolve().parent.parent
USER_DIR = str(REPOSITORY / "s2s_plugins")
ARCHITECTURES = ["basic_lstm", "feedback_lstm", "peek_lstm", "attention_lstm"]

# also of what tests start: two processes of two threads on two cores wait for each other many times longer
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background: what tests start would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)

# By the processor, not by Int8Weight.supported: were that wrong on x86, these tests would fail, not vanish. What other
# processors do is tested everywhere: test_a_machine_without_the_instructions_decodes_in_full_and_says_so
needs_8_bit_products = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"),
    reason="FBGEMM, which multiplies PyTorch's 8-bit weights, exists for x86 processors alone",
)


def program(name: str) -> str:
    """The path of a program that ``make env`` installs from Debian's packages: chromium, node, npm or hey.

    Where it cannot, since it does not run as root or there is no apt-get, the test is skipped. Where it can and the
    program is missing, the test fails: a skip would hide it.
    """
    path = shutil.which(name)
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        pytest.fail(f"{name} is missing, which make env installs as root: see apt.log in .venv")
    return path or pytest.skip(f"{name} is not installed, and make env may not install it: it names the package")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Send the tests of a module with fixtures of its own to one process: else each process makes what they share."""
    from xdist.scheduler import LoadScopeScheduling

    class OneProcessAFixture(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.split("::")[0]
            return module if makes_fixtures(config.rootpath / module) else nodeid

    return OneProcessAFixture(config, log)


@lru_cache(maxsize=None)
def makes_fixtures(module: Path) -> bool:
    """Whether a module has fixtures that several of its tests share."""
    return re.search(r'^@pytest.fixture\(scope="(module|session)"\)', module.read_text(), re.MULTILINE) is not None


@dataclass
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    def lines(self, kind: str) -> List[str]:
        """The output lines of one kind, as ``H`` or ``T``, without their number, in the sentences' order."""
        found = [line[2:].split("\t", 1) for line in self.out.splitlines() if line.startswith(kind + "-")]
        return [text for _, text in sorted(((int(number), text) for number, text in found), key=lambda item: item[0])]

    def hypotheses(self) -> List[str]:
        """The text of each ``H-`` line, in the sentences' order."""
        return [line.split("\t", 1)[1] for line in self.lines("H")]


def said_on_a_terminal(verb: str, *argv: object, stdin: bytes, stdout: IO[bytes]) -> str:
    """What ``s2s VERB`` says on a stderr that is a terminal; stdin is a file."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 80))
    with tempfile.TemporaryFile() as lines:
        lines.write(stdin)
        lines.seek(0)
        command = [sys.executable, "-m", "s2s_plugins", verb, *map(str, argv)]
        with subprocess.Popen(command, stdin=lines, stdout=stdout, stderr=its) as process:
            os.close(its)
            said = b""
            with contextlib.suppress(OSError):  # Linux's word for the end of a terminal
                while part := os.read(ours, 1 << 16):
                    said += part
            os.close(ours)
    assert process.returncode == 0, said
    return said.decode()


class Commands:
    """Runs console commands in one folder.

    Args:
        folder: where they run.
        warm: each starts with all its imports done.
    """

    def __init__(self, folder: Path, warm: bool = False) -> None:
        self.folder = folder
        self.warm = warm
        self.log = folder / "command-log"
        self.log.mkdir(exist_ok=True)
        self.count = 0
        self.server = None

    def environment(self, extra: Optional[Dict[str, str]] = None) -> Dict[str, str]:
        return {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", **(extra or {})}

    def start(self) -> None:
        self.server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("command_server.py")), *(["--warm"] if self.warm else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment()},
            cwd=self.folder,
        )

    def stop(self) -> None:
        if self.server is not None:
            self.server.stdin.close()
            self.server.wait(timeout=30)

    def __call__(
        self,
        *argv: object,
        cwd: Optional[Path] = None,
        stdin: str = "",
        env: Optional[Dict[str, str]] = None,
        code: Optional[int] = 0,
        streams: Optional[Dict[str, Optional[str]]] = None,
    ) -> Result:
        """Run a command and check its exit code; ``code=None`` takes any.

        ``streams`` puts a file in the place of ``stdin`` or ``stdout``, or closes it: None.
        """
        if self.server is None:
            self.start()
        self.count += 1
        files = {name: self.log / f"{self.count}.{name}" for name in ("stdin", "stdout", "stderr")}
        files["stdin"].write_text(stdin, encoding="utf-8", errors="surrogateescape")
        files["stdout"].touch()
        files["stderr"].touch()
        request = {
            "argv": [str(word) for word in argv],
            "cwd": str(cwd or self.folder),
            "env": env or {},
            **{name: str(path) for name, path in files.items()},
            **(streams or {}),
        }
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        answer = self.server.stdout.readline()
        out, err = files["stdout"].read_text(encoding="utf-8"), files["stderr"].read_text(encoding="utf-8")
        assert answer, f"the command server died at {argv}:\n{out}\n{err}"
        result = Result(int(answer), out, err)
        assert code is None or result.code == code, f"exit code {result.code} of {argv}:\n{out[-3000:]}\n{err[-6000:]}"
        return result

    def train(self, data: object, arch: str, save_dir: object, *flags: object, **kwargs) -> Result:
        """``fairseq-train`` with small, seeded settings; later flags win."""
        return self(
            *("fairseq-train", data, "--user-dir", USER_DIR, "--arch", arch, "--save-dir", save_dir),
            *("--optimizer", "adam", "--lr", "0.01", "--max-tokens", "400", "--seed", "1", "--num-workers", "0"),
            *("--log-format", "simple", "--no-epoch-checkpoints"),
            *flags,
            **kwargs,
        )

    def generate(self, data: object, *flags: object, **kwargs) -> Result:
        """``fairseq-generate`` with the plugin."""
        return self("fairseq-generate", data, "--user-dir", USER_DIR, "--num-workers", "0", *flags, **kwargs)


@pytest.fixture(scope="session")
def commands(tmp_path_factory) -> Commands:
    runner = Commands(tmp_path_factory.mktemp("commands"))
    yield runner
    runner.stop()


@pytest.fixture(scope="session")
def kit(tmp_path_factory):
    """Sound data and checkpoints, and commands that start with all their imports done: for hundreds of bad inputs."""
    from kit import Kit

    runner = Commands(tmp_path_factory.mktemp("kit"), warm=True)
    yield Kit(runner).build()
    runner.stop()


def write_pairs(prefix: Path, pairs: Sequence[tuple]) -> None:
    """``prefix.src`` and ``prefix.tgt``."""
    prefix.with_suffix(".src").write_text("".join(f"{source}\n" for source, _ in pairs), encoding="utf-8")
    prefix.with_suffix(".tgt").write_text("".join(f"{target}\n" for _, target in pairs), encoding="utf-8")


def digit_pairs(count: int, seed: int, shortest: int = 1, longest: int = 6) -> List[tuple]:
    """Digit strings and their reversals."""
    draw = random.Random(seed)
    strings = [[str(draw.randint(0, 9)) for _ in range(draw.randint(shortest, longest))] for _ in range(count)]
    return [(" ".join(string), " ".join(reversed(string))) for string in strings]


def preprocess(commands: Commands, folder: Path, train, valid, test, *flags: object) -> Path:
    """Binarised data of three lists of pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pairs in (("train", train), ("valid", valid), ("test", test)):
        write_pairs(folder / name, pairs)
    commands(
        *("fairseq-preprocess", "--source-lang", "src", "--target-lang", "tgt", "--destdir", folder / "bin"),
        *("--trainpref", folder / "train", "--validpref", folder / "valid", "--testpref", folder / "test"),
        *flags,
    )
    return folder / "bin"


@pytest.fixture(scope="session")
def digits(commands) -> Path:
    """A folder of binarised digit reversals: 61 training pairs, 11 to validate, 13 to test."""
    return preprocess(commands, commands.folder / "digits", digit_pairs(61, 1), digit_pairs(11, 2), digit_pairs(13, 3))


@pytest.fixture(scope="session")
def trained(commands, digits) -> Dict[str, Path]:
    """A checkpoint of each architecture, trained for a moment on ``digits``."""
    checkpoints = {}
    for arch in ARCHITECTURES:
        save_dir = commands.folder / f"trained-{arch}"
        commands.train(digits, arch + "_tiny", save_dir, "--max-epoch", 6)
        checkpoints[arch] = save_dir / "checkpoint_last.pt"
    return checkpoints


def dictionary(symbols: int = 10, features: int = 0) -> Dictionary:
    """Symbols ``0``, ``1``, ... behind the four that fairseq adds, and behind them features ``⟦0⟧``, ``⟦1⟧``, ..."""
    result = Dictionary()
    for symbol in [*map(str, range(symbols)), *(f"⟦{feature}⟧" for feature in range(features))]:
        result.add_symbol(symbol)
    return result


def translation_task(source: Dictionary, target: Dictionary, **options) -> TranslationTask:
    config = TranslationConfig(data="unused", **options)
    config.max_source_positions = config.max_target_positions = 1024
    return TranslationTask(config, source, target)


def build_model(arch: str, task: Optional[TranslationTask] = None, seed: int = 1, **flags):
    """A model as fairseq builds it from flags, with small sizes; ``flags`` are field names."""
    task = task or translation_task(dictionary(), dictionary())
    flags = {"encoder_embed_dim": 6, "encoder_hidden_size": 8, "dropout": 0.0, **flags}
    if arch != "basic_lstm":
        flags = {"decoder_embed_dim": 5, **flags}
    flags = {"decoder_hidden_size": 8, **flags}
    torch.manual_seed(seed)
    return task.build_model(Namespace(arch=arch, **flags)).eval()


def batch_of(task, sources, targets=None, left_pad_source: bool = True, left_pad_target: bool = False) -> dict:
    """A batch as fairseq collates it, of lists of digit lists, in the order given."""
    from fairseq.data.data_utils import collate_tokens

    source, target = task.source_dictionary, task.target_dictionary

    def encode(vocabulary, digits):
        line = " ".join(map(str, digits))
        return vocabulary.encode_line(line, add_if_not_exist=False).long()

    src = [encode(source, digits) for digits in sources]
    net_input = {
        "src_tokens": collate_tokens(src, source.pad(), source.eos(), left_pad_source),
        "src_lengths": torch.tensor([len(tokens) for tokens in src]),
    }
    batch = {"id": torch.arange(len(src)), "nsentences": len(src), "net_input": net_input, "target": None}
    if targets is not None:
        tgt = [encode(target, digits) for digits in targets]
        pad, eos = target.pad(), target.eos()
        batch["target"] = collate_tokens(tgt, pad, eos, left_pad_target)
        net_input["prev_output_tokens"] = collate_tokens(tgt, pad, eos, left_pad_target, move_eos_to_beginning=True)
        batch["ntokens"] = sum(map(len, tgt))
    return batch
