"""The guide in other people's engines, from PyPI, in environments of their own: Spark, Dask, and Kubeflow's client."""

import json
import re
import shutil

import pytest
from conftest import REPOSITORY
from onnx_models import TOKENS
from test_empty_environments import run, wheel  # noqa: F401 (a fixture)
from web_tools import letters_model

from s2s_plugins.inference.load import load

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]
SPARK, DASK, KUBEFLOW = "4.3.0", "2026.8.0", "1.9.4"
WORDS = ["abc", "cab", "b", None, "x" * 500] * 20
FRAME = "import json, pandas\nfrom s2s_plugins.cluster import Predictor, Shipped\n"
FRAME += 'frame = pandas.DataFrame({"word": json.load(open("words.json"))})\n'
SHOW = 'json.dump([[row["word"], row["prediction"], row["error"]] for row in rows], open("found.json", "w"))\n'
SCRIPTS = {
    "Spark": (
        FRAME + "from pyspark.sql import SparkSession\n"
        'spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()\n'
        'words = spark.createDataFrame([(word,) for word in json.load(open("words.json"))], "word string")\n'
        "words = words.repartition(4)\nexec(CODE)\nrows = [row.asDict() for row in found.collect()]\n" + SHOW
    ),
    "Dask": (
        FRAME + "import dask.dataframe\n"
        'if __name__ == "__main__":\n'
        "    words = dask.dataframe.from_pandas(frame, npartitions=3)\n"
        "    exec(CODE)\n"
        '    rows = found.compute(scheduler="processes").astype(object).to_dict("records")\n'
        "    rows = [{key: None if value != value else value for key, value in row.items()} for row in rows]\n"
        "    " + SHOW
    ),
}


def documented(engine):
    """The lines of the guide below ``# ENGINE``."""
    guide = (REPOSITORY / "docs" / "cluster.md").read_text(encoding="utf-8")
    return re.search(rf"^# {engine}\n(.*?)(?=^# |^```)", guide, re.MULTILINE | re.DOTALL).group(1)


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):  # noqa: F811
    """An interpreter that has Spark, Dask, and our wheel."""
    folder = tmp_path_factory.mktemp("engines")
    run("python3.11", "-m", "venv", folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, wheel, f"pyspark=={SPARK}", f"dask[dataframe]=={DASK}", "pandas<3", cwd=folder)
    return python


@pytest.mark.parametrize("engine", SCRIPTS)
def test_the_code_of_the_guide_predicts_what_the_model_predicts(engine, python, tmp_path):
    if engine == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java: apt-get install default-jre-headless")
    model = tmp_path / "g2p.safetensors"
    letters_model([TOKENS["basic"]]).write(model)
    (tmp_path / "words.json").write_text(json.dumps(WORDS))
    (tmp_path / "script.py").write_text(SCRIPTS[engine].replace("CODE", repr(documented(engine))))
    run("env", f"PYSPARK_PYTHON={python}", python, "script.py", cwd=tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    best = {word: load(str(model)).predict(word).text for word in ("abc", "cab", "b")}
    assert sorted(row[0] or "" for row in found) == sorted(word or "" for word in WORDS)
    for word, prediction, error in found:
        assert prediction == best.get(word)
        assert (error is None) == (word in best)


AS_KUBEFLOW = """
import json, sys, types
import kubeflow.training.models, kubernetes.client.models, yaml
from kubernetes.client import ApiClient
vars(kubernetes.client.models).update(vars(kubeflow.training.models))  # where the client looks for classes
given = yaml.safe_load(sys.stdin)
client = ApiClient()
job = client.deserialize(types.SimpleNamespace(data=json.dumps(given)), "KubeflowOrgV1PyTorchJob")
assert client.sanitize_for_serialization(job) == given, "a field that Kubeflow does not know"
"""


def test_the_kubernetes_file_is_what_kubeflow_expects(tmp_path):
    run("python3.11", "-m", "venv", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, f"kubeflow-training=={KUBEFLOW}", "pyyaml", cwd=tmp_path)
    job = (REPOSITORY / "docs" / "pytorchjob.yaml").read_text(encoding="utf-8")
    run(python, "-c", AS_KUBEFLOW, cwd=tmp_path, input=job)
    for name in ("rdzvBackend", "restartPolicy", "mountPath", "backoffLimit"):
        run(python, "-c", AS_KUBEFLOW, cwd=tmp_path, input=job.replace(name, f"{name}s"), code=1)
