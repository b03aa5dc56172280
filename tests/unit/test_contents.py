"""What a path stands for is decided by what is there, not by its suffix."""

import os
import pickle
import shutil

import pytest
from conftest import REPOSITORY

import s2s_plugins
from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.contents import CHECKPOINT, MODEL, ONNX, content_of, model_file_of
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.inference.files.packages import MODEL as IN_PACKAGE
from s2s_plugins.inference.onnx.folder_writer import write_onnx_folder
from s2s_plugins.models.saving import model_of
from s2s_plugins.text.spelling import Spelled

CHECKPOINTS = REPOSITORY / "tests" / "checkpoints"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contents")
    model_of([str(CHECKPOINTS / "attention_lstm.pt")], Spelled("char"), Spelled("char"), "CC0-1.0").write(
        folder / "a.safetensors"
    )
    shutil.copy(folder / "a.safetensors", folder / "a.bin")
    shutil.copy(CHECKPOINTS / "peek_lstm.pt", folder / "b.safetensors")
    write_onnx_folder(read_model_file(folder / "a.safetensors"), str(folder / "onnx"), False)
    (folder / "old.pt").write_bytes(pickle.dumps({"model": {}}, protocol=2))
    (folder / "text.pt").write_text("eight by{te")
    (folder / "poor.safetensors").write_bytes(b"poor")
    (folder / "empty").mkdir()
    (folder / "several").mkdir()
    (folder / "trained").mkdir()
    for place in ("several/a.safetensors", "several/b.safetensors", "trained/model.safetensors"):
        shutil.copy(folder / "a.safetensors", folder / place)
    shutil.copy(folder / "a.safetensors", folder / "trained" / "older.safetensors")
    (folder / "page").mkdir()
    for name in ("index.html", "model.json"):  # as s2s export --web writes them
        (folder / "page" / name).touch()
    os.mkfifo(folder / "pipe")
    (folder / "site" / "s2s_letters_yy").mkdir(parents=True)
    (folder / "site" / "s2s_letters_yy" / "__init__.py").touch()
    shutil.copy(folder / "a.safetensors", folder / "site" / "s2s_letters_yy" / IN_PACKAGE)
    return folder


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder / "site"))


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.safetensors", MODEL),
        ("a.bin", MODEL),
        ("s2s_letters_yy", MODEL),
        ("trained", MODEL),
        ("onnx", ONNX),
        ("b.safetensors", CHECKPOINT),
        ("old.pt", CHECKPOINT),
    ],
)
def test_the_suffix_says_nothing(name, content):
    assert content_of(name) == content
    if content == MODEL:
        assert s2s_plugins.load(model_file_of(name)).predict("a b").text


NOTHING = "there is no such file, folder or installed package: check the name"
OTHERS = {
    "g2p.safetensor": NOTHING,
    "nosuch": NOTHING,
    "empty": "is a folder without model.safetensors, and none that s2s export --onnx wrote: name a model file",
    "page": "is a folder without model.safetensors, and none that s2s export --onnx wrote: name a model file",
    "several": "is a folder without model.safetensors, and none that s2s export --onnx wrote: name one of",
    "pipe": "is no regular file",
    "text.pt": "is no model file and no checkpoint",
    "poor.safetensors": "is damaged, or no model file",
}
VERBS = {
    **{verb: [verb, "{}"] for verb in ("predict", "classify", "forecast", "info", "serve")},
    "attention": ["attention", "{}", "--out", "maps"],
    "export": ["export", "{}", "--onnx", "new"],
    "package": ["package", "{}", "--name", "s2s_new_xx"],
}


def said(capsys, verb, name):
    with pytest.raises(SystemExit) as end:
        main([word.format(name) for word in VERBS[verb]])
    line = capsys.readouterr().err
    assert end.value.code == 2 and line.count("\n") == 1 and line.startswith(f"s2s {verb}: error: {name}"), line
    return line


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_model_is_one_line_before_fairseq_is_asked_for(capsys, monkeypatch, name):
    for module in ("fairseq", "s2s_plugins.models.translator", "s2s_plugins.models.classifier"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(UsageError, match=OTHERS[name]):
        content_of(name)
    for verb in VERBS:
        assert OTHERS[name] in said(capsys, verb, name)


@pytest.mark.parametrize("verb", ["info", "serve", "package", "export"])
def test_a_checkpoint_is_sent_to_s2s_save(capsys, verb):
    assert "is a checkpoint: s2s save b.safetensors --out MODEL.safetensors" in said(capsys, verb, "b.safetensors")


@pytest.mark.parametrize("verb", ["info", "package", "export"])
def test_an_onnx_folder_is_sent_to_its_model_file(capsys, verb):
    assert "is a folder of ONNX files: name the model file that it was exported from" in said(capsys, verb, "onnx")


def test_an_installed_package_is_exported_and_packaged_by_its_name(capsys, tmp_path):
    main(["export", "s2s_letters_yy", "--onnx", str(tmp_path / "onnx")])
    assert " kB\n" in capsys.readouterr().out
    word = "abcd"
    assert (
        s2s_plugins.load(tmp_path / "onnx").predict(word).text == s2s_plugins.load("s2s_letters_yy").predict(word).text
    )
    main(["package", "s2s_letters_yy", "--name", "s2s_letters_zz", "--out", str(tmp_path)])
    assert (tmp_path / "s2s_letters_zz-1.0-py3-none-any.whl").is_file()


def test_a_folder_with_a_model_file_stands_for_it(capsys, tmp_path):
    assert model_file_of("trained/").as_posix() == "trained/model.safetensors"
    assert s2s_plugins.load("trained").predict("abcd").text == s2s_plugins.load("a.safetensors").predict("abcd").text
    main(["info", "trained"])
    assert "translator, attention_lstm" in capsys.readouterr().out
    main(["export", "trained", "--onnx", str(tmp_path / "onnx")])
    main(["package", "trained", "--name", "s2s_letters_aa", "--out", str(tmp_path)])
    assert (tmp_path / "s2s_letters_aa-1.0-py3-none-any.whl").is_file() and (tmp_path / "onnx" / "step.onnx").is_file()
    with pytest.raises(UsageError, match="several is a folder without .* as several/a.safetensors$"):
        s2s_plugins.load("several")
