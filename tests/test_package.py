"""What holds for the package as a whole."""

import ast
import re
import shutil
import subprocess
import sys

import pytest
from conftest import REPOSITORY

MODULES = sorted((REPOSITORY / "s2s_plugins").rglob("*.py"))


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", [path for path in MODULES if "nn" in path.parts], ids=lambda path: path.name)
def test_models_of_the_papers_import_torch_alone(path):
    for name in imports_of(path):
        root = name.split(".")[0]
        assert root == "torch" or name.startswith("s2s_plugins.nn") or root in sys.stdlib_module_names, name


WITHOUT_FAIRSEQ = """
import sys
class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("fairseq", "fairseq_cli"):
            raise RuntimeError(f"{name} is imported")
sys.meta_path.insert(0, Refuses())
"""


def run(script, *argv):
    return subprocess.run([sys.executable, "-c", script, *argv], capture_output=True, text=True, cwd=REPOSITORY)


def test_the_package_and_the_models_of_the_papers_are_imported_without_fairseq():
    names = [path.relative_to(REPOSITORY).with_suffix("").as_posix() for path in MODULES if "nn" in path.parts]
    modules = [name.replace("/", ".").removesuffix(".__init__") for name in names]
    done = run(WITHOUT_FAIRSEQ + f"import s2s_plugins, {', '.join(modules)}")
    assert done.returncode == 0, done.stderr
    done = run(WITHOUT_FAIRSEQ + "import s2s_plugins; s2s_plugins.register()")
    assert "RuntimeError: fairseq is imported" in done.stderr, "the test refuses nothing"


REGISTERED = """
from fairseq.models import ARCH_MODEL_REGISTRY, lstm
from fairseq.tasks import TASK_REGISTRY
from s2s_plugins.compat.evaluation import evaluate
assert "peek_lstm" in ARCH_MODEL_REGISTRY and "text_classification" in TASK_REGISTRY and lstm.eval is evaluate
print("registered")
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import fairseq, s2s_plugins",
        "import s2s_plugins, fairseq",
        "import s2s_plugins; s2s_plugins.register()",
        "import s2s_plugins, argparse; from fairseq import utils; "
        f"utils.import_user_module(argparse.Namespace(user_dir={str(REPOSITORY / 's2s_plugins')!r}))",
        "import s2s_plugins.models.translator",
        "import s2s_plugins.models.generator",
        "from s2s_plugins.tasks import text_classification",
        "from s2s_plugins.criterions import text_classification",
        "import fairseq_cli.train, s2s_plugins",
    ],
)
def test_it_registers_whichever_way_it_comes_together_with_fairseq(imports):
    done = run(imports + REGISTERED)
    assert done.stdout.split()[-1:] == ["registered"], done.stderr


def test_nobody_imports_the_command_line():
    for path in MODULES:
        if path.parent.name != "cli" and path.name != "__main__.py":
            assert not any(name.startswith("s2s_plugins.cli") for name in imports_of(path)), path


def test_the_installed_package_works_from_another_folder(tmp_path):
    clone = tmp_path / "clone"  # building writes beside setup.py
    shutil.copytree(
        REPOSITORY, clone, ignore=shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "demo", "__pycache__")
    )
    build = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*build, str(tmp_path / "site"), str(clone)], check=True, cwd=tmp_path)
    script = (
        "import s2s_plugins, fairseq.models as m; print(s2s_plugins.__file__, 'peek_lstm' in m.ARCH_MODEL_REGISTRY)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"},
    )
    path, registered = done.stdout.split()
    assert path.startswith(str(tmp_path / "site")) and registered == "True"


PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_in_the_documentation_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http://", "https://"))]
    for link in links:
        file, _, heading = link.partition("#")
        target = (page.parent / file) if file else page
        assert target.exists(), link
        if heading:
            path = target / "README.md" if target.is_dir() else target
            headings = [
                line.lstrip("# ").lower() for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "#"
            ]
            assert heading in [re.sub(r"[^\w -]", "", one).replace(" ", "-") for one in headings], link


def test_the_readme_is_short_and_links_every_page():
    text = PAGES[0].read_text(encoding="utf-8")
    assert len(text.split()) <= 700 and all(f"docs/{page.name}" in text for page in PAGES[1:])
