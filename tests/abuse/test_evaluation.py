"""What fairseq evaluates, starts, imports and fetches: every place of it is covered, or out of a checkpoint's reach."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from typing import Iterator, Tuple

import fairseq
import fairseq_cli
import pytest
from hypothesis import given
from hypothesis import strategies as st

import s2s_plugins  # noqa: F401
from s2s_plugins.compat.evaluation import MOST, evaluate
from s2s_plugins.errors import UsageError

FAIRSEQ = Path(fairseq.__file__).parent
CLI = Path(fairseq_cli.__file__).parent

# names that a module's own globals replace: compat/evaluation.py
COVERED_NAMES = {"eval"}
# torch.load of fairseq's modules is compat/reading.py's
COVERED_CALLS = {"torch.load"}
COVERED = {
    ("data/fasta_dataset.py", "subprocess.check_output"): "compat/data.py indexes in Python, without a shell",
    ("tasks/audio_pretraining.py", "subprocess.call"): "compat/reading.py takes post_save_script out of a checkpoint",
    ("data/plasma_utils.py", "subprocess.Popen"): "compat/reading.py takes use_plasma_view out of a checkpoint",
    ("data/encoders/hf_bert_bpe.py", "BertTokenizer.from_pretrained"): "compat/reading.py takes it out of a checkpoint",
    ("data/encoders/gpt2_bpe.py", "file_utils.cached_path"): "compat/reading.py takes URLs out",
    (
        "data/encoders/sentencepiece_bpe.py",
        "file_utils.cached_path",
    ): "compat/reading.py takes URLs out",
    ("data/encoders/byte_bpe.py", "file_utils.cached_path"): "compat/reading.py takes URLs out",
    ("data/encoders/subword_nmt_bpe.py", "file_utils.cached_path"): "compat/reading.py takes URLs out",
    ("data/encoders/fastbpe.py", "file_utils.cached_path"): "compat/reading.py takes URLs out",
    ("data/encoders/hf_byte_bpe.py", "file_utils.cached_path"): "compat/reading.py takes URLs out",
    ("logging/meters.py", "globals"): "compat/training.py builds meters alone",
}
OUT_OF_REACH = {
    ("distributed/utils.py", "subprocess.check_output"): "asks SLURM for host names that its environment names",
    ("distributed/utils.py", "pickle.loads"): "what the processes of one training send each other",
    ("file_utils.py", "cached_path"): "a path that the caller gives to load_archive_file",
    ("checkpoint_utils.py", "snapshot_download"): "a model that the caller names",
    (
        "models/speech_to_text/hub_interface.py",
        "torch.hub.load",
    ): "named by the data folder, for a caller's flag",
    ("modules/quantization/scalar/ops.py", "globals"): "a name behind emulate_int8_, and none of these starts anything",
    ("utils.py", "importlib.import_module"): "--user-dir of the command line",
    ("options.py", "importlib.import_module"): "--user-dir of the command line",
    ("optim/fused_adam.py", "importlib.import_module"): "a module of one name",
    ("data/audio/data_cfg.py", "yaml.load"): "a file of the data folder, with a loader that builds plain values",
}
# packages that import all their own modules at their import, by the names of the files in their folder
IMPORTS_OWN_MODULES = {
    *("criterions", "data/audio", "data/encoders", "model_parallel/criterions", "model_parallel/models", "models"),
    *("models/ema", "models/huggingface", "optim", "optim/lr_scheduler", "scoring", "tasks"),
}
DANGEROUS_NAMES = {"eval", "exec", "compile", "__import__", "globals", "cached_path", "snapshot_download", "execfile"}
DANGEROUS_CALLS = {
    *("os.system", "os.popen", "pickle.load", "pickle.loads", "torch.load", "torch.hub.load", "torch.jit.load"),
    *("importlib.import_module", "file_utils.cached_path", "BertTokenizer.from_pretrained", "yaml.load"),
    *("torch.hub.load_state_dict_from_url", "hydra.utils.instantiate", "hydra.utils.call", "runpy.run_path"),
}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def dangerous_calls(path: Path) -> Iterator[Tuple[str, int]]:
    """What a source file calls of all that could run, import or fetch something, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "subprocess", "pickle", "importlib"):
            for imported in node.names:  # called by a name of its own
                name = f"{node.module}.{imported.name}"
                if name in DANGEROUS_CALLS or node.module == "subprocess":
                    yield name, node.lineno
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            # re.compile and editdistance.eval are neither: a name counts where it stands alone
            if name in DANGEROUS_NAMES | DANGEROUS_CALLS or name.startswith(("subprocess.", "os.exec", "os.spawn")):
                yield name, node.lineno


def sources() -> Iterator[Tuple[str, Path]]:
    for root in (FAIRSEQ, CLI):
        for path in sorted(root.rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if not name.startswith("examples/"):
                yield name, path


def test_every_place_that_runs_imports_or_fetches_is_covered_or_out_of_reach():
    open_places, seen = [], set()
    for name, path in sources():
        for call, line in dangerous_calls(path):
            seen.add((name, call))
            own = name.endswith("__init__.py") and name.rsplit("/", 1)[0] in IMPORTS_OWN_MODULES
            if call in COVERED_NAMES | COVERED_CALLS or (name, call) in {**COVERED, **OUT_OF_REACH}:
                continue
            if own and call in ("importlib.import_module", "globals"):
                continue
            open_places.append(f"{name}:{line}: {call}")
    assert open_places == []
    assert set(COVERED) - seen == set(), "a place that is no longer there"
    assert any(call == "eval" for _, call in seen)


def test_every_module_of_fairseq_has_the_evaluation_of_values():
    loaded = [module for name, module in sys.modules.items() if name.split(".")[0] in ("fairseq", "fairseq_cli")]
    assert len(loaded) > 200
    assert [module.__name__ for module in loaded if vars(module).get("eval") is not evaluate] == []


def test_a_module_of_fairseq_that_is_imported_later_has_it_before_it_starts(tmp_path, monkeypatch):
    (tmp_path / "late_module_of_a_test.py").write_text(
        "try:\n    found = eval('len([1])')\nexcept ValueError as error:\n    found = error\n"
    )
    monkeypatch.setattr(fairseq, "__path__", [*fairseq.__path__, str(tmp_path)])
    module = importlib.import_module("fairseq.late_module_of_a_test")
    assert isinstance(module.found, UsageError)
    assert importlib.import_module("fairseq.data.codedataset").eval is evaluate


def presets() -> Iterator[str]:
    """Every text in fairseq's models, tasks and optimizers that looks like a list or a tuple."""
    for name, path in sources():
        if name.startswith(("models/", "tasks/", "optim/", "criterions/", "dataclass/")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value[:1] in ("[", "("):
                    try:
                        eval(node.value, {"__builtins__": {}})
                    except Exception:
                        continue  # a text of another kind
                    yield node.value


def test_the_presets_of_fairseq_mean_what_they_did():
    found = sorted(set(presets()))
    assert len(found) > 20 and "[(512, 3)] * 20" in found
    for text in found:
        assert evaluate(text) == eval(text)


@pytest.mark.parametrize("text", ["True", "False", "None", "3", "-1.5e-3", "'a'", " [1, 2] ", "1,2.5", "{'a': (1,)}"])
def test_literals_mean_what_they_did(text):
    assert evaluate(text) == eval(text)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(values)
def test_any_value_that_is_written_out_is_read_again(value):
    assert evaluate(repr(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        *("__import__('os')", "().__class__", "print", "lambda: 1", "[x for x in (1,)]", "f'{1}'", "1 if 1 else 2"),
        *("[*[1]]", "9**9**9", "'a' * 10**9", "[0] * 10**9", "[[0] * 100] * 101", f"[{'0,' * (MOST + 1)}]", "{[]: 1}"),
        *("1000000 * 1000000 * 1000000 * 10", "(" * 5000, "-" * 5000 + "1", "'" + "a" * 300_000 + "'", "1 +", "", "\0"),
        *("{**{}}", "1 < 2", "not 1", "~1"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_everything_else_is_refused_at_once_with_the_remedy(text):
    with pytest.raises(UsageError, match="is not evaluated, it holds .*: write numbers, strings, lists"):
        evaluate(text)


def test_ten_thousand_elements_are_taken():
    assert len(evaluate(f"[0] * {MOST}")) == MOST and len(evaluate(f"[{'0,' * MOST}]")) == MOST


def test_what_is_no_text_raises_what_eval_raises():
    for value in (True, None, 3, compile("1", "code", "eval")):
        with pytest.raises(TypeError):
            evaluate(value)
