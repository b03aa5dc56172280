"""A model file as a package: what is installed is what was saved, found by its name."""

import email
import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode

import pytest
from conftest import REPOSITORY

import s2s_plugins
from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.packages import MODEL, installed_model
from s2s_plugins.inference.files.wheel import write_wheel
from s2s_plugins.models.saving import model_of

FOLDER = REPOSITORY / "tests" / "checkpoints"
STRANGE = 'his "own"\nlicence 🙂 ``` \x7f'


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "letters.safetensors"
    model_of([str(FOLDER / "attention_lstm.pt")], data=f"made up\n\n```\n{STRANGE}", figures={"PER": 8.5}).write(path)
    return path


@pytest.fixture(scope="module")
def wheel(saved, tmp_path_factory):
    return write_wheel(str(saved), "s2s_letters_xx", "1.2", "CC0-1.0", tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def installed(wheel, tmp_path, monkeypatch):
    with zipfile.ZipFile(wheel) as files:
        files.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return "s2s_letters_xx"


def test_an_installed_model_is_found_by_its_name_without_importing_its_package(installed, saved, monkeypatch, tmp_path):
    model = s2s_plugins.load(installed)
    expected = s2s_plugins.load(saved)
    found, same = model.predict("a b c"), expected.predict("a b c")
    assert (found.text, found.score) == (same.text, same.score) and installed not in sys.modules
    monkeypatch.chdir(tmp_path)
    (tmp_path / installed).write_bytes(b"no model")  # a file comes first
    with pytest.raises(UsageError, match="damaged"):
        s2s_plugins.load(installed)
    assert installed_model(f"{installed}.part") is None and installed not in sys.modules  # looked up, it is imported
    assert installed_model("s2s_letters_yy") is installed_model("json") is installed_model("../x") is None


def test_the_verbs_take_its_name(installed, capsys):
    main(["info", installed])
    shown = capsys.readouterr().out
    assert "attention_lstm" in shown and "8.5" in shown
    with pytest.raises(SystemExit):
        main(["classify", installed])
    assert "is a translator: s2s predict runs it" in capsys.readouterr().err


def test_the_wheel_says_what_it_is_and_needs(wheel, saved):
    assert wheel.name == "s2s_letters_xx-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as files:
        assert files.read(f"s2s_letters_xx/{MODEL}") == saved.read_bytes()
        metadata = email.message_from_bytes(files.read("s2s_letters_xx-1.2.dist-info/METADATA"))
        for name, digest, size in (row.split(",") for row in files.read(files.namelist()[-1]).decode().splitlines()):
            if digest:
                content = files.read(name)
                found = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert digest == f"sha256={found}" and int(size) == len(content), name
    assert metadata["Name"] == "s2s_letters_xx" and metadata["Version"] == "1.2"
    assert metadata["License-Expression"] == "CC0-1.0"
    assert metadata.get_all("Requires-Dist") == [f"s2s-plugins>={s2s_plugins.__version__}"]
    readme = metadata.get_payload()
    assert 's2s_plugins.load("s2s_letters_xx")' in readme and 'model.predict("...")' in readme
    assert "PER              8.5" in readme and readme.count("```") == 6  # what the model says opens no block


def test_the_same_model_gives_the_same_bytes(wheel, saved, tmp_path):
    again = write_wheel(str(saved), "s2s_letters_xx", "1.2", "CC0-1.0", tmp_path / "new" / "folder")
    assert again.read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as files:
        assert {file.date_time[:3] for file in files.infolist()} == {(2000, 1, 1)}, "not of the day it was made"


@pytest.mark.parametrize(
    "licence, expression",
    [
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-3.0-only WITH Classpath-exception-2.0", "GPL-3.0-only WITH Classpath-exception-2.0"),
        ("LicenseRef-ours", "LicenseRef-ours"),
        ("that of CMUdict", None),
        (STRANGE, None),
    ],
)
def test_a_licence_of_any_words_stands_in_the_wheel(saved, tmp_path, licence, expression):
    with zipfile.ZipFile(write_wheel(str(saved), "s2s_strange", "1.0", licence, tmp_path)) as files:
        metadata = email.message_from_bytes(files.read("s2s_strange-1.0.dist-info/METADATA"))
        text = files.read("s2s_strange-1.0.dist-info/licenses/LICENCE").decode()
    assert metadata["License-Expression"] == expression and metadata["Version"] == "1.0"
    assert text.split()[-1] == licence.replace("\x7f", "\ufffd").split()[-1] and text.count("\n") == 1


def test_a_model_may_be_packaged_again_while_it_is_installed(installed, saved, tmp_path):
    assert write_wheel(str(saved), installed, "1.3", "CC0-1.0", tmp_path / "out").is_file()


@pytest.mark.parametrize("name", ["../evil", "S2S", "a-b", "a__b", "_a", "1a", "a b", "a;b", "é", "", "a" * 101])
def test_a_name_that_is_none_is_refused(saved, tmp_path, name):
    with pytest.raises(UsageError, match="--name .* is no name of a package.*as s2s_g2p_en"):
        write_wheel(str(saved), name, "1.0", "MIT", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["class", "async", "lambda"])
def test_a_word_of_python_is_no_name(saved, tmp_path, name):
    with pytest.raises(UsageError, match=f"--name {name} is a word of Python's own"):
        write_wheel(str(saved), name, "1.0", "MIT", tmp_path / "out")


@pytest.mark.parametrize("name", ["json", "sys", "numpy", "s2s_plugins", "flit_core"])
def test_a_name_that_would_hide_another_package_is_refused(saved, tmp_path, name):
    with pytest.raises(UsageError, match="another package, which it would hide"):
        write_wheel(str(saved), name, "1.0", "MIT", tmp_path / "out")


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--version", "one"], "--version one is no version"),
        (["--version", '1.0"\nx = "'], "is no version"),
        ([], "does not say under which licence it may be used: give --licence"),
        (["--licence", "MIT", "--out", "letters.txt"], "--out letters.txt is a file"),
    ],
)
def test_what_cannot_be_packaged_is_said_in_one_line(saved, tmp_path, monkeypatch, capsys, flags, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letters.txt").write_text("")
    with pytest.raises(SystemExit) as end:
        main(["package", str(saved), "--name", "s2s_letters_xx", *flags])
    assert end.value.code == 2 and said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_checkpoint_is_no_model_to_package(tmp_path):
    with pytest.raises(UsageError, match="is a checkpoint: s2s save"):
        write_wheel(str(FOLDER / "attention_lstm.pt"), "s2s_letters_xx", "1.0", "MIT", tmp_path / "out")
    assert not (tmp_path / "out").exists() and importlib.util.find_spec("s2s_letters_xx") is None


def test_flit_core_that_fails_is_an_error_of_one_line(saved, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("s2s_plugins.inference.files.wheel.BUILD", "raise RuntimeError('no room')")
    with pytest.raises(SystemExit) as end:
        main(["package", str(saved), "--name", "s2s_letters_xx", "--licence", "MIT", "--out", str(tmp_path / "out")])
    assert end.value.code == 1 and "flit_core builds no wheel: RuntimeError: no room" in capsys.readouterr().err


def test_looking_for_a_name_loads_nothing_heavy():
    script = "import sys; from s2s_plugins.inference.files import packages; print('subprocess' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout == "False\n", done.stderr
