"""Every example is whole in its folder, its page is short, and the commands that pages show are ones that it takes."""

import importlib
import re
import shlex
import subprocess
import sys

import pytest
from conftest import REPOSITORY
from runs import EXAMPLES, code_of

from common import comparison
from common.semi_supervised import run as semi_supervised

JOBS = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name not in ("common", "__pycache__"))
PAGES = [*sorted(EXAMPLES.glob("*/README.md")), *sorted((REPOSITORY / "docs" / "results").glob("*.md"))]
PAGES += [REPOSITORY / "docs" / "examples.md"]


@pytest.mark.parametrize("job", JOBS)
def test_an_example_is_whole_in_its_folder(job):
    for name in ("README.md", "__init__.py", "prepare.py", "recipe.py", "run.py"):
        assert (EXAMPLES / job / name).is_file(), f"examples/{job}/{name} is missing"
    results = f"docs/results/{job}.md"
    assert (REPOSITORY / results).is_file(), f"{results} is missing"
    assert f"](../examples/{job})" in (REPOSITORY / "docs" / "examples.md").read_text(), "no row in docs/examples.md"


@pytest.mark.parametrize("job", JOBS)
def test_an_examples_page_has_at_most_300_words(job):
    assert len((EXAMPLES / job / "README.md").read_text(encoding="utf-8").split()) <= 300


@pytest.mark.parametrize("job", JOBS)
def test_an_example_takes_nothing_from_another_or_from_scripts(job):
    others = "|".join(name for name in [*JOBS, "scripts"] if name != job)
    for path in (EXAMPLES / job).glob("*.py"):
        found = re.findall(rf"^\s*(?:from|import) (?:{others})\b.*|parents\[2\]", path.read_text(), re.MULTILINE)
        assert not found, f"{path}: {found}"


def test_what_examples_share_knows_none_of_them():
    jobs = "|".join(JOBS)
    for path in (EXAMPLES / "common").rglob("*.py"):
        assert not re.search(rf"^\s*(?:from|import) (?:{jobs})\b", path.read_text(), re.MULTILINE), path


def test_only_the_environment_is_made_by_bash():
    found = {path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("[!.]*/**/*.sh")}
    assert found == {"scripts/make_env.sh"}


def parse(job, words):
    """The arguments of an example's ``run.py``."""
    recipe = importlib.import_module(f"{job}.recipe")
    if hasattr(recipe, "COMPARISONS"):
        args = comparison.parse(recipe.COMPARISONS, words)
        return args, comparison.chosen(recipe.COMPARISONS, args.names)
    if hasattr(recipe, "TABLE"):
        return semi_supervised.parse(recipe.TABLE, words)
    return importlib.import_module(f"{job}.run").parse(words)


def commands_of(page):
    """(example, words) of each ``run.py`` in a page's blocks of commands, and in the text of an example's own page."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = "\n".join(re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    found = re.findall(r"python examples/(\w+)/run\.py(.*)", blocks)
    inline = [" ".join(code.split()) for code in re.findall(r"`(?:examples/\w+/)?(run\.py\s[^`]*)`", text)]
    job = page.stem if page.parent.name == "results" else page.parent.name
    found += [(job, code.removeprefix("run.py")) for code in inline if "..." not in code]
    return [(example, shlex.split(words, comments=True)) for example, words in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_the_commands_that_a_page_shows_are_ones_that_the_example_takes(page):
    for job, words in commands_of(page):
        assert code_of(lambda job=job, words=words: parse(job, words) and 0) == 0, f"{job}/run.py {words}"


def test_the_pages_show_commands():
    assert all(commands_of(EXAMPLES / job / "README.md") for job in JOBS)
    assert ("number_words", ["number_words-de"]) in commands_of(REPOSITORY / "docs" / "results" / "number_words.md")


@pytest.mark.parametrize("job", JOBS)
def test_without_the_package_the_remedy_is_one_line(job):
    command = [sys.executable, "-S", str(EXAMPLES / job / "run.py"), "--help"]  # without site-packages
    done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLES)
    remedy = "run make env, then use .venv/bin/python"
    assert done.returncode == 1
    assert done.stderr == f"error: s2s_plugins is not installed for {sys.executable}: {remedy}\n"
