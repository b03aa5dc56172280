"""Every command that README.md, CONTRIBUTING.md and docs/ show runs: on tiny data, with small budgets, and with the
package installed from its wheel, not from the clone."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pandas
import pytest
import shell_server
from conftest import REPOSITORY
from shown import PAGES, blocks

LANGUAGES = {"sh", "python", "text", "js", "{modules}"}

# words that end a command: the last of two equal flags counts
BUDGETS = [
    (["fairseq-train"], ["--max-update", "2", "--num-workers", "0"]),
    (["s2s", "train"], ["--updates", "2"]),
    (["s2s", "compare"], ["--updates", "2", "--archs", "attention_lstm,peek_lstm"]),
    (["s2s", "vectors"], ["--epochs", "1"]),
    (["python", "examples/g2p/run.py"], ["--updates", "2"]),
    (["python", "examples/adder/run.py"], ["--demo", "--updates", "2", "--archs", "attention_lstm"]),
]
SHORTER = {"minutes=5": "updates=2"}  # the same in Python
WHEEL = "the package comes from the wheel, what it needs from this environment"
NOT_RUN = {
    "make env": "installs from PyPI: tests/cli/test_make_env.py",
    "pip install .": WHEEL,
    "pip install '.[train]'": WHEEL,
    "s2s export g2p.safetensors --web page": "fetches the runtime: tests/cli/test_web_page.py",
    "pip install '.[ray]'": WHEEL,
    "s2s predict g2p.safetensors --input words --output phones-ray --engine ray": "tests/unit/test_cluster_ray.py",
    "serve run s2s_plugins.cluster.deployment:build models=g2p.safetensors replicas=2": "runs until it is stopped",
    "s2s serve g2p.safetensors": "runs until it is stopped: tests/cli/test_serve.py",
    "s2s check words.tsv --minutes 10 --out review": "trains three models: tests/unit/test_check.py",
    "s2s tune words.tsv --trials 30 --minutes 5 --out tuned": "trains thirty models: tests/unit/test_tune.py",
    "make lint": "make test runs it first",
    "make test": "runs this test",
    "make docs": "tests/cli/test_site.py builds the site",
    ".venv/bin/pre-commit install": "changes the clone: tests/cli/test_package.py checks what it would run",
}

SHOWN = {page.relative_to(REPOSITORY).as_posix(): list(blocks(page)) for page in PAGES}
RUN = {
    name: [(block.language, command) for block in found for command in block.commands() if command not in NOT_RUN]
    for name, found in SHOWN.items()
}


def test_every_block_says_what_it_is():
    for page, found in SHOWN.items():
        for block in found:
            assert block.language.split(" ")[0] in LANGUAGES, f"{page}, line {block.line}"


def test_no_page_has_a_place_that_is_still_to_be_filled():
    for path in PAGES:
        assert not re.search("@@[A-Z]", path.read_text(encoding="utf-8")), path


def test_what_is_not_run_is_shown_somewhere():
    shown = {command for found in SHOWN.values() for block in found for command in block.commands()}
    assert set(NOT_RUN) <= shown


def test_blocks_are_split_into_commands():
    page = REPOSITORY / "docs" / "fairseq-classification.md"
    commands = [command for block in blocks(page) for command in block.commands()]
    prepare = next(command for command in commands if command.startswith("s2s prepare --train train.tsv"))
    assert prepare.endswith("--dest DATA")
    assert all("#" not in command for command in commands if "import" not in command)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    clone, out = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(REPOSITORY / "s2s_plugins", clone / "s2s_plugins", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, clone)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", out, clone], check=True, cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def shell(wheel, tmp_path_factory):
    """A folder for ``.venv``: its commands are those of the wheel and of what it needs, started by a server."""
    root = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "env"], check=True)
    python = root / "env" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, cwd=root)
    site = next((root / "env" / "lib").glob("python*/site-packages"))
    # a folder that a .pth names is searched for modules, but its own .pth files, as that of the clone, are not read
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    with tempfile.TemporaryDirectory() as short:  # a socket's path has 107 characters at most
        socket = f"{short}/socket"
        names = [found.name for found in entry_points(group="console_scripts") if found.name.startswith("fairseq-")]
        (root / "venv" / "bin").mkdir(parents=True)
        for name in ["s2s", "python", *names]:
            client = root / "venv" / "bin" / name
            values = {"python": sys.executable, "socket": socket, "name": name, "extra": BUDGETS}
            client.write_text(shell_server.CLIENT.format(**values))
            client.chmod(0o755)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        environment.pop("PYTHONPATH", None)
        command = [python, REPOSITORY / "tests" / "shell_server.py", socket]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=root) as server:
            assert server.stdout.readline() == "ready\n"
            yield root / "venv"
            server.terminate()


def run(command: str, folder: Path) -> str:
    """What a shell prints that runs ``command`` in ``folder``, with its ``.venv`` on PATH."""
    environment = {
        "PATH": f"{folder / '.venv' / 'bin'}:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=300,
    )
    said = f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    assert done.returncode == 0, f"exit code {done.returncode} of\n{command}\n{said}"
    return done.stdout


WORDS = "zebra phoenix raven heron robin ibex hare boa zorse orca".split()


def write_files(folder: Path) -> None:
    """The files that the pages speak of."""
    words = [one[:3] + other[2:] for one in WORDS for other in WORDS]
    spelt = {word: " ".join(word.upper()) for word in words}
    many = map("".join, itertools.islice(itertools.product("zebraphonix", repeat=4), 600))
    lines = {
        "words.tsv": [f"{word}\t{' '.join(word.upper())}" for word in many],
        "held-out.tsv": [f"{word}\t{' '.join(word.upper())}" for word in words],
        "more.tsv": [f"{word}\t{' '.join(word.upper())}" for word in WORDS],
        "words.txt": WORDS,
        "letters.txt": [" ".join(word) for word in WORDS[:2]],
        "sources.txt": [" ".join(word) for word in WORDS],
        "lines.txt": ["a warm and funny film", "a dull film"],
        "more.txt": ["a warm and funny film about a dull zebra"] * 20,
    }
    rows = ["a warm and funny film\tgood", "a dull and cold film\tbad"]
    lines.update({f"{split}.tsv": ["text\tlabel", *rows * 8] for split in ("train", "valid", "test")})
    for name, text in lines.items():
        (folder / name).write_text("".join(f"{line}\n" for line in text))
    write_series(folder)
    for split, part in (("train", words[20:]), ("valid", words[:10]), ("test", words[10:20])):
        (folder / f"{split}.letters").write_text("".join(f"{' '.join(word)}\n" for word in part))
        (folder / f"{split}.phones").write_text("".join(f"{spelt[word]}\n" for word in part))


def write_its_own(folder: Path) -> None:
    """The tables of README.md."""
    rows = [("a warm and funny film", "good"), ("a dull and cold film", "bad")] * 30
    pandas.DataFrame(rows, columns=["text", "label"]).to_csv(folder / "reviews.csv", index=False)
    for name, months in (("sales.csv", 120), ("recent.csv", 60)):
        dates = pandas.date_range("2012-01-01", periods=months, freq="MS").strftime("%Y-%m-%d")
        wave = 50 + 9 * np.sin(2 * np.pi * np.arange(months) / 12)
        pandas.DataFrame({"date": dates, "y": wave.round(2)}).to_csv(folder / name, index=False)


def write_series(folder: Path) -> None:
    """The tables of docs/series.md."""
    days, draw = pandas.date_range("2022-01-01", periods=400, freq="D"), np.random.default_rng(1)
    wave = 100 + 20 * np.sin(2 * np.pi * np.arange(400) / 7)
    columns = {"day": days.strftime("%Y-%m-%d"), "sales": wave + draw.normal(size=400), "rain": draw.random(400)}
    table = pandas.DataFrame({**columns, "price": 4.9})
    table.to_csv(folder / "sales.csv", index=False)
    recent = table.tail(60).reset_index(drop=True)
    recent.loc[53:, ["sales", "rain"]] = np.nan  # the future, of which the price is known
    recent.to_csv(folder / "recent.csv", index=False)
    shops = [table.assign(shop=shop, town=town) for shop, town in (("north", "Ulm"), ("south", "Bonn"))]
    pandas.concat(shops).to_parquet(folder / "shops.parquet")


@pytest.fixture(scope="module")
def prepared(shell, tmp_path_factory):
    """A folder with all that the pages speak of: the clone's own folders, files, binarised data, a checkpoint."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / ".venv").symlink_to(shell)
    shutil.copytree(REPOSITORY / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    installed = Path(run("s2s user-dir", folder).strip())
    assert shell.parent in installed.parents  # the wheel's, not the clone's
    shutil.copytree(installed, folder / "s2s_plugins", ignore=shutil.ignore_patterns("__pycache__"))
    write_files(folder)
    files = " ".join(f"--{split}pref {split}" for split in ("train", "valid", "test"))
    run(f"fairseq-preprocess --source-lang letters --target-lang phones --destdir DATA {files}", folder)
    flags = "--arch attention_lstm_tiny --optimizer adam --lr 0.01 --batch-size 16"
    run(f"fairseq-train DATA --user-dir $(s2s user-dir) {flags} --save-dir checkpoints", folder)
    for copy in ("1.pt", "2.pt", "3.pt", "checkpoint8.pt", "checkpoint9.pt"):
        shutil.copy(folder / "checkpoints" / "checkpoint_best.pt", folder / copy)
    return folder


@pytest.mark.parametrize("page", [name for name, commands in RUN.items() if commands])
def test_the_commands_of_a_page_run(page, prepared, tmp_path):
    folder = tmp_path / "clone"
    shutil.copytree(prepared, folder, symlinks=True)
    if page in ("README.md", "CONTRIBUTING.md", "docs/fairseq.md"):
        shutil.rmtree(folder / "checkpoints")  # the page's first command trains them
    if page == "README.md":
        write_its_own(folder)
    if page == "docs/fairseq-classification.md":
        shutil.rmtree(folder / "DATA")
    for language, command in RUN[page]:
        if language == "python":
            for shown, budget in SHORTER.items():
                command = command.replace(shown, budget)
            named = re.match(r"# ([\w./]+\.py)\n", command)  # a file that the reader writes
            (folder / (named[1] if named else "block.py")).write_text(command)
            command = "true" if named else "python block.py"
        run(command, folder)


def test_a_command_that_fails_fails_the_test(prepared):
    with pytest.raises(AssertionError, match="nowhere.pt"):
        run("s2s predict nowhere.pt < words.txt", prepared)
    with pytest.raises(AssertionError, match="exit code 7"):
        run("s2s --version | (exit 7)", prepared)
    assert run("echo zebra | s2s predict 1.pt --source char | cut -f 1", prepared) == "zebra\n"
