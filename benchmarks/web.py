"""How fast the page of ``s2s export --web`` is, in headless Chromium, beside Python with the same model.

    python -m benchmarks.web MODEL.safetensors WORDS.txt

Prints the sizes of what a browser loads, the time until the model is ready, and the median time of a prediction there
and in Python by ONNX Runtime: a beam of 5, one word at a time, the first 20 words not counted.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, List

from benchmarks.machine import machine
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.inference.load import load
from s2s_plugins.inference.translator import Translator
from s2s_plugins.web.folder import write_page

WARM_UP = 20
SCRIPT = """async (words) => {
  const started = performance.now();
  const { load } = await import("./s2s.js");
  const model = await load();
  const times = [performance.now() - started];
  for (const word of words) {
    const before = performance.now();
    await model.predict(word, { nbest: 5, beam: 5 });
    times.push(performance.now() - before);
  }
  return times;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


def in_chromium(folder: Path, words: List[str]) -> List[float]:
    """Milliseconds until the model is ready, and of each word's predictions."""
    from playwright.sync_api import sync_playwright

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print(f"Chromium {browser.version}")
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/package.json")  # of the same place, and without the page
        times: List[float] = page.evaluate(SCRIPT, words)
        browser.close()
        server.shutdown()
    return times


def in_python(model: str, words: List[str]) -> List[float]:
    translator = load(model, "onnx")
    assert isinstance(translator, Translator), "the words are for a translator"
    times = []
    for word in words:
        before = time.perf_counter()
        translator.predict(word, nbest=5, beam=5)
        times.append(1000 * (time.perf_counter() - before))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model file of a translator")
    parser.add_argument("words", type=Path, help="a word a line")
    args = parser.parse_args()
    words = args.words.read_text(encoding="utf-8").split()
    print(machine())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "page"
        write_page(read_model_file(args.model), str(folder))
        for part in ("", "runtime", "graphs"):
            files = [path for path in (folder / part).iterdir() if path.is_file()]
            size, packed = (sum(map(measure, files)) for measure in (_size, _packed))
            print(f"{part or 'page'}: {size / 1e6:.2f} MB, {packed / 1e6:.2f} MB by gzip")
        ready, *browser = in_chromium(folder, words)
    python = in_python(args.model, words)
    print(f"ready after {ready:.0f} ms; {len(words)} words, ms a prediction:")
    print(f"Chromium {statistics.median(browser[WARM_UP:]):.1f}, Python {statistics.median(python[WARM_UP:]):.1f}")


def _size(path: Path) -> int:
    return path.stat().st_size


def _packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes()))


if __name__ == "__main__":
    main()
