"""What the tests of the page share: Node.js, a browser, a server of static files, and models."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence

import pytest
from conftest import REPOSITORY, program
from onnx_models import SOURCE_SYMBOLS, TARGET_SYMBOLS, TOKENS, random_weights
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.inference.export import graphs_of
from s2s_plugins.inference.files.facts import About, Side, TranslatorFacts
from s2s_plugins.inference.files.model_file import Member, ModelFile
from s2s_plugins.inference.torch.backend import weights_of
from s2s_plugins.nn.seq2seq import build_seq2seq
from s2s_plugins.nn.settings import Seq2SeqSettings
from s2s_plugins.text.slots import SLOTS
from s2s_plugins.text.symbols import BOS
from s2s_plugins.web.folder import PAGE
from s2s_plugins.web.runtime import ONNX, PIECES, runtime_files


def runtime_or_skip() -> None:
    """See that the files of a runtime are there."""
    lacking = lacking_runtime()
    if lacking is not None:
        pytest.skip(lacking)


@functools.lru_cache(maxsize=None)
def lacking_runtime() -> Optional[str]:
    """Why there are no files of a runtime."""
    try:
        runtime_files(pieces=True)
    except (UsageError, WorkError) as error:
        return str(error)
    return None


def no_runtime(folder: Path) -> Path:
    """A folder with empty files in the place of a runtime's, for pages that are not opened."""
    folder.mkdir()
    for name in [*ONNX.files, *PIECES.files]:
        (folder / name).touch()
    return folder


def run_node(script: str, given: Any, page: Path = PAGE) -> Any:
    """What a script answers, which gets ``given``; in it, PAGE is the address of a page's folder."""
    source = "import { readFileSync } from 'node:fs';\nconst given = JSON.parse(readFileSync(0));\n" + script
    source = source.replace("PAGE", page.resolve().as_uri())
    command = [program("node"), "--input-type=module", "--eval", source]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def block_of(page: str, language: str) -> str:
    """The first block of code in a language that a page of the documentation shows."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which ``python -m http.server`` serves a folder."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
            yield found[0]
        finally:
            server.terminate()


LETTERS = [chr(code) for code in range(ord("a"), ord("a") + SOURCE_SYMBOLS - 4)]
PHONES = [f"{letter}{number}" for letter in "XYZW" for number in range(5)][: TARGET_SYMBOLS - 4]


def letters_model(settings: Sequence[Seq2SeqSettings], precision: str = "float32", longest: int = 30) -> ModelFile:
    """Random models of words, spelled with :data:`LETTERS`; several are an ensemble."""
    members = []
    for number, own in enumerate(settings):
        module = random_weights(build_seq2seq(own), seed=number)
        weights = {name: values.numpy() for name, values in weights_of(module).items()}
        members.append(Member(own, graphs_of(module), weights))
    facts = TranslatorFacts(Side(tuple(LETTERS), "char"), Side(tuple(PHONES)), longest, longest)
    return ModelFile(facts, About("random"), tuple(members), path="letters.safetensors").rounded(precision)


@functools.lru_cache(maxsize=None)
def sentencepiece_model() -> bytes:
    """Pieces of the words of the documentation."""
    pages = [path.read_text(encoding="utf-8").splitlines() for path in sorted((REPOSITORY / "docs").glob("*.md"))]
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(itertools.chain(*pages)), model_writer=written, vocab_size=400, minloglevel=2
    )
    return written.getvalue()


def pieces_model(settings: Seq2SeqSettings) -> ModelFile:
    """A random model that reads pieces."""
    model, pieces = letters_model([settings]), sentencepiece_model()
    processor = SentencePieceProcessor(model_proto=pieces)
    symbols = tuple(processor.id_to_piece(number) for number in range(3, SOURCE_SYMBOLS - 1))
    facts = replace(model.facts, source=Side(symbols, "sentencepiece", pieces))
    return replace(model, facts=facts, path="pieces.safetensors")


FEATURES = ["V", "PST", "PRS"]


def inflecting_model() -> ModelFile:
    """A random model of words with features, which copies letters that it lacks."""
    source = (*(f"⟦{name}⟧" for name in FEATURES), *LETTERS[:7], *SLOTS)
    target = (*LETTERS[4:10], *LETTERS[:4], "ß", "é", *SLOTS)
    copied = tuple(4 + target.index(one) if one in target else BOS for one in source)
    settings = TOKENS["pointer-generator"]
    sizes = replace(settings.tokens, source_size=4 + len(source), target_size=4 + len(target))
    decoder = replace(settings.decoder, copies=(*range(4), *copied))
    model = letters_model([replace(settings, tokens=sizes, decoder=decoder)])
    sides = Side(source, "char", form="NFC", features=";"), Side(target, "char", form="NFC", written="NFC")
    return replace(model, facts=replace(model.facts, source=sides[0], target=sides[1]), path="verbs.safetensors")


def same_predictions(shown: Sequence[Any], expected: Sequence[Any]) -> None:
    """Scores differ by less than 1e-4; so do those of two whose places are exchanged."""
    assert [one["score"] for one in shown] == pytest.approx([one.score for one in expected], abs=1e-4)
    assert [one["probability"] for one in shown] == pytest.approx([one.probability for one in expected], abs=1e-4)
    for place, one in enumerate(shown):
        close = [other for other in expected if abs(other.score - one["score"]) < 1e-4]
        last = abs(expected[-1].score - one["score"]) < 1e-4  # another one may be as good, and is not among the best
        assert last or any(other.text == one["text"] and other.tokens == one["tokens"] for other in close), place
