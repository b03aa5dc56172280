"""What holds for the package as a whole."""

import ast
import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution

import pytest
import shown
import yaml
from conftest import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import s2s_plugins

MODULES = sorted((REPOSITORY / "s2s_plugins").rglob("*.py"))


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def room_of(path):
    return path.relative_to(REPOSITORY / "s2s_plugins").with_suffix("").parts[0]


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


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(path) == "series"], ids=lambda path: path.name)
def test_series_are_read_with_numpy_and_pandas_alone(path):
    for name in imports_of(path):
        root = name.split(".")[0]
        own = root == "s2s_plugins" and name.split(".")[1] in ("series", "errors", "extras", "files")
        assert own or root in {"numpy", "pandas", "pyarrow", *sys.stdlib_module_names}, name


def run(script, *argv):
    return subprocess.run([sys.executable, "-c", script, *argv], capture_output=True, text=True, cwd=REPOSITORY)


# rooms without fairseq
FREE = ("nn", "inference", "web", "series", "text", "search", "reports", "cli", "steps", "files", "extras", "errors")
FREE += ("evaluation", "cluster", "locks")


def test_the_package_and_every_room_that_needs_no_fairseq_are_imported_without_it():
    free = [
        path
        for path in MODULES
        if room_of(path) in FREE or (room_of(path) == "training" and "worker" not in path.parts)
    ]
    names = [path.relative_to(REPOSITORY).with_suffix("").as_posix() for path in free]
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


# a room may import from those that stand behind it, never from one before it
ROOMS = ["__main__", "cli", "cluster", "server", "web", "comparison", "training", "tasks", "criterions", "models"]
ROOMS += ["inference", "compat", "reports", "evaluation", "series", "text", "search", "nn", "registration", "steps"]
ROOMS += ["locks", "files", "extras", "errors", "version"]


def test_a_room_imports_what_is_below_it_and_nothing_above():
    for path in MODULES:
        room = room_of(path)
        if room in ("__init__", "registration"):  # which bring the others together
            continue
        for name in imports_of(path):
            if name.startswith("s2s_plugins."):
                other = name.split(".")[1]
                assert other == room or ROOMS.index(other) > ROOMS.index(room), f"{path} imports {name}"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source archive of the clone, and the wheel that is built from that archive, as an installer would."""
    root = tmp_path_factory.mktemp("built")
    clone = root / "clone"  # building writes beside setup.py
    ignored = shutil.ignore_patterns(".*", "build", "site", "*.egg-info", "demo", "__pycache__")
    shutil.copytree(REPOSITORY, clone, ignore=ignored)
    hook = "import sys; from setuptools import build_meta; print(build_meta.build_{}(sys.argv[1]))".format
    subprocess.run([sys.executable, "-c", hook("sdist"), root], check=True, cwd=clone, capture_output=True)
    archive = next(root.glob("*.tar.gz"))
    with tarfile.open(archive) as files:
        files.extractall(root, filter="data")
    source = root / archive.name.removesuffix(".tar.gz")
    subprocess.run([sys.executable, "-c", hook("wheel"), root], check=True, cwd=source, capture_output=True)
    return archive, next(root.glob("*.whl"))


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    here = (path for path in (REPOSITORY / "s2s_plugins").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert names == {path.relative_to(REPOSITORY).as_posix() for path in here}
    for name in ("py.typed", "nn/decoders/decoders.svg", "reports/templates/page.html"):
        assert f"s2s_plugins/{name}" in names


def test_the_metadata_says_what_the_package_is_and_needs(built):
    with zipfile.ZipFile(built[1]) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(wheel.read(name))
        licences = [name for name in wheel.namelist() if name.endswith("/LICENSE")]
    assert metadata["Version"] == s2s_plugins.__version__ == built[0].name.split("-")[1].removesuffix(".tar.gz")
    assert metadata["Author"] and metadata["License-Expression"] == "MIT" and len(licences) == 1
    assert metadata["Keywords"] and metadata.get_all("Project-URL")
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert metadata.get_payload().startswith("# s2s_plugins")
    needed = {Requirement(text).name for text in metadata.get_all("Requires-Dist") if "extra ==" not in text}
    assert needed == {"numpy", "safetensors", "sentencepiece", "onnxruntime", "tqdm"}  # enough to predict
    extras = {"torch", "train", "export", "forecast", "report", "serve", "tune", "ray", "ngrams", "examples", "dev"}
    assert set(metadata.get_all("Provides-Extra")) == extras


@pytest.mark.parametrize(
    "version, platform, machine, fairseq",
    [
        ("3.11", "linux", "x86_64", {"ve-fairseq"}),
        ("3.12", "linux", "x86_64", {"ve-fairseq"}),
        ("3.10", "linux", "x86_64", set()),
        ("3.13", "linux", "x86_64", set()),
        ("3.12", "linux", "aarch64", set()),
        ("3.12", "darwin", "arm64", set()),
        ("3.10", "win32", "AMD64", {"fairseq-built"}),
        ("3.12", "win32", "AMD64", {"fairseq-built"}),
        ("3.13", "win32", "AMD64", set()),
    ],
)
def test_training_installs_the_fairseq_that_is_compiled_for_a_machine(version, platform, machine, fairseq):
    where = {"python_version": version, "sys_platform": platform, "platform_machine": machine, "extra": "train"}
    where["platform_python_implementation"] = "CPython"
    wanted = [one for one in map(Requirement, distribution("s2s-plugins").requires) if "fairseq" in one.name]
    assert {one.name for one in wanted if one.marker.evaluate(where)} == fairseq


def test_the_page_of_installation_has_a_row_for_each_extra_and_python():
    page = (REPOSITORY / "docs" / "installation.md").read_text(encoding="utf-8")
    metadata = distribution("s2s-plugins").metadata
    assert sorted(re.findall(r"^\| `\[(\w+)\]` ", page, re.MULTILINE)) == sorted(metadata.get_all("Provides-Extra"))
    rows = re.findall(r"^\| (3\.\d+(?:, 3\.\d+)*) ", page, re.MULTILINE)
    pythons = [one for one in metadata.get_all("Classifier") if ":: 3." in one]
    assert ", ".join(rows).split(", ") == [one.rsplit(" ", 1)[1] for one in pythons]


def test_the_versions_of_python_that_train_are_those_that_are_tried():
    versions = {"3.11", "3.12"}
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
    assert set(workflow["jobs"]["test"]["strategy"]["matrix"]["python"]) == versions
    assert all(version in (REPOSITORY / "README.md").read_text() for version in versions)
    script = (REPOSITORY / "scripts" / "make_env.sh").read_text()
    assert "((3, 11), (3, 12))" in script


def test_the_workflow_and_the_hooks_call_what_exists():
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
    commands = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    makefile = (REPOSITORY / "Makefile").read_text()
    assert any(command.startswith("make test") for command in commands)
    for command in commands:
        assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE), command
    dry = subprocess.run(["make", "--dry-run", "test"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert dry.stdout.index("ruff check") < dry.stdout.index("pytest")  # what lint finds stops the tests
    check = [sys.executable, "-m", "pre_commit", "validate-config", REPOSITORY / ".pre-commit-config.yaml"]
    subprocess.run(check, check=True)
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    for hook in hooks:
        folder, _, tool = hook["entry"].split()[0].rpartition("/")
        assert folder == ".venv/bin" and distribution(tool)


def needed_by(name, extras, found):
    """Versions of what a distribution needs, and of what that needs, by name; ``found`` is filled."""
    installed = distribution(name)
    if (installed.name, *extras) in found:
        return
    found[(installed.name, *extras)] = installed.version
    for requirement in map(Requirement, installed.requires or []):
        wanted = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, wanted)):
            needed_by(requirement.name, sorted(requirement.extras), found)


def test_everything_that_make_env_installs_is_pinned_to_what_is_installed():
    found = {}
    needed_by("s2s-plugins", ["dev"], found)
    installed = {canonicalize_name(name): version.split("+")[0] for (name, *_), version in found.items()}
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    of_cuda = {name for name in installed if name.startswith(("nvidia-", "cuda-", "triton"))}
    assert {name: installed[name] for name in installed if name not in of_cuda | {"s2s-plugins"}} == pins


def test_the_installed_package_works_from_another_folder(built, tmp_path):
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*install, tmp_path / "site", built[1]], check=True, cwd=tmp_path)
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


PAGES = [*shown.PAGES, REPOSITORY / "CHANGELOG.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
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
