"""What ``s2s export --web`` writes, and what it does not overwrite."""

import hashlib
import io
import json
import re
import stat
import tarfile
from dataclasses import replace

import pytest
from onnx_models import TOKENS, tokens
from web_tools import letters_model, no_runtime, pieces_model

from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.inference.files.facts import ForecasterFacts
from s2s_plugins.web import runtime
from s2s_plugins.web.folder import PAGE, write_page

MODEL = letters_model([TOKENS["peek"]])


@pytest.fixture
def none(tmp_path):
    return no_runtime(tmp_path / "none")


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_has_all_that_the_page_names_and_the_page_names_no_other_place(tmp_path, none):
    size = write_page(pieces_model(TOKENS["peek"]), str(tmp_path / "page"), none)
    files = files_of(tmp_path / "page")
    assert size == sum(map(len, files.values()))
    description = json.loads(files["model.json"])
    assert description["name"] == "pieces" and description["members"][0].keys() == {"encoder", "step"}
    named = {place for member in description["members"] for place in member.values()}
    for page in (name for name in files if name.endswith((".html", ".js", ".css")) and "/" not in name):
        text = files[page].decode()
        assert not re.search(r"https?:|[\"'(]//", text), page
        named |= {
            found for found in re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', text) if found != "data:,"
        }
        named |= set(re.findall(r'(?:from |import\(|URL\()"\./([^"]+)"', text))
    assert named <= files.keys() and {"app.js", "runtime/ort-wasm.wasm", "graphs/0-step.onnx"} <= named


def test_the_policy_of_the_page_is_strict_but_where_sentencepiece_needs_more(tmp_path, none):
    write_page(MODEL, str(tmp_path / "page"), none)
    write_page(pieces_model(TOKENS["peek"]), str(tmp_path / "pieces"), none)
    for name, scripts in (("page", ""), ("pieces", " 'unsafe-eval'")):
        text = (tmp_path / name / "index.html").read_text()
        policy = re.search(r'Policy" content="([^"]+)"', text)[1].split("; ")
        assert {f"script-src 'self' 'wasm-unsafe-eval'{scripts}", "default-src 'none'"} <= set(policy)
        assert {"connect-src 'self'", "base-uri 'none'", "form-action 'none'"} <= set(policy)


def test_a_page_is_replaced_and_other_things_are_not(tmp_path, none):
    page = tmp_path / "page"
    write_page(letters_model([TOKENS["peek"], TOKENS["basic"]]), str(page), none)
    write_page(MODEL, str(page), none)
    assert not (page / "graphs" / "1-step.onnx").exists()
    (page / "notes.txt").write_text("mine")
    before = files_of(page)
    with pytest.raises(UsageError, match=r"^--web .*page holds other things \(notes.txt\): name a new folder$"):
        write_page(MODEL, str(page), none)
    assert files_of(page) == before
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("a page of another kind")
    with pytest.raises(UsageError, match="other things .index.html"):
        write_page(MODEL, str(site), none)
    (site / "model.json").write_text('{"members": [["index.html"]]}')
    with pytest.raises(UsageError, match="other things .index.html"):
        write_page(MODEL, str(site), none)
    assert (site / "index.html").read_text() == "a page of another kind"


def test_nothing_is_left_of_an_export_that_fails(tmp_path, none):
    (none / "ort.js").unlink()
    lacks = r"^--runtime .*none lacks ort.js: name the folder runtime of another page, or leave the flag out$"
    with pytest.raises(UsageError, match=lacks):
        write_page(MODEL, str(tmp_path / "page"), none)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none"]


def test_rounded_weights_stay_small_on_the_way_to_the_browser(tmp_path, none):
    sizes = {}
    for precision in ("float32", "float16", "int8"):
        model = letters_model([tokens("basic", bridge="zero", hidden_size=160)], precision)
        write_page(model, str(tmp_path / precision), none)
        sizes[precision] = sum(path.stat().st_size for path in (tmp_path / precision / "graphs").iterdir())
    assert sizes["float16"] < 0.52 * sizes["float32"] and sizes["int8"] < 0.3 * sizes["float32"]


def test_a_model_that_runs_in_no_browser_is_an_error_that_says_so(tmp_path, none):
    series = replace(MODEL, facts=ForecasterFacts({}))
    with pytest.raises(UsageError, match="is a forecaster, for which there is no page: s2s forecast runs it"):
        write_page(series, str(tmp_path / "page"), none)
    assert not (tmp_path / "page").exists()


def test_pieces_are_made_by_what_reads_them_alone(tmp_path, none):
    model = pieces_model(TOKENS["peek"])
    write_page(model, str(tmp_path / "page"), none)
    files = files_of(tmp_path / "page")
    assert files["pieces.model"] == model.facts.source.pieces and "runtime/sentencepiece.js" in files
    other = replace(model, facts=replace(model.facts, source=model.facts.target, target=model.facts.source))
    write_page(other, str(tmp_path / "page"), none)
    assert not {"pieces.model", "runtime/sentencepiece.js"} & files_of(tmp_path / "page").keys()


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A folder for a program in the place of npm, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def program(*lines):
        path = folder / "npm"
        path.write_text("\n".join(["#!/bin/sh", *lines]))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return program


def test_without_npm_the_error_says_what_to_do(npm):
    with pytest.raises(UsageError) as error:
        runtime.runtime_files()
    assert "npm is not installed: install it, or name a folder" in str(error.value)
    assert "--runtime DIR" in str(error.value)


def test_npm_that_fails_is_quoted(npm):
    npm("echo 'npm error network down' >&2", "exit 1")
    with pytest.raises(WorkError, match=r"cannot fetch onnxruntime-web \d+\.\d+\.\d+ \(npm error network down\)"):
        runtime.runtime_files()
    npm("exit 0")
    with pytest.raises(WorkError, match="exit code 0"):
        runtime.runtime_files()


def archive_of(path, contents):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_what_is_fetched_is_checked_and_kept(npm, tmp_path, monkeypatch):
    contents = {file.original: name.encode() for name, file in runtime.ONNX.files.items()}
    archive_of(tmp_path / "a.tgz", {f"package/{name}": content for name, content in contents.items()})
    npm(f"/bin/cp {tmp_path}/a.tgz .")
    with pytest.raises(WorkError, match="whose dist/ort.wasm.min.mjs is not the one that was tried"):
        runtime.runtime_files()
    assert not runtime.cache_folder(runtime.ONNX).exists()
    files = {  # the sums of these small files take the place of the real ones
        name: file._replace(sha256=hashlib.sha256(name.encode()).hexdigest())
        for name, file in runtime.ONNX.files.items()
    }
    monkeypatch.setattr(runtime, "ONNX", runtime.ONNX._replace(files=files))
    expected = {name: name.encode() for name in files}
    assert runtime.runtime_files() == expected
    npm("exit 1")
    assert runtime.runtime_files() == expected  # from the cache
    cache = runtime.cache_folder(runtime.ONNX)
    (cache / "ort.js").write_bytes(b"damaged")
    with pytest.raises(WorkError, match="cannot fetch"):
        runtime.runtime_files()
    npm(f"/bin/cp {tmp_path}/a.tgz .")
    assert runtime.runtime_files() == expected
    assert [path.name for path in (tmp_path / "cache" / "s2s_plugins").iterdir()] == [cache.name]


def test_the_dist_folder_of_the_package_serves_as_a_runtime(tmp_path):
    for file in runtime.ONNX.files.values():
        (tmp_path / file.original).parent.mkdir(exist_ok=True)
        (tmp_path / file.original).write_text(file.original)
    found = runtime.runtime_files(tmp_path / "dist")
    assert found == {name: file.original.encode() for name, file in runtime.ONNX.files.items()}
    with pytest.raises(UsageError, match="lacks sentencepiece.js"):
        runtime.runtime_files(tmp_path / "dist", pieces=True)


def test_the_command_writes_the_folder_and_says_how_to_try_it(tmp_path, none, capsys):
    MODEL.write(tmp_path / "letters.safetensors")
    main(["export", str(tmp_path / "letters.safetensors"), "--web", str(tmp_path / "page"), "--runtime", str(none)])
    size = sum(path.stat().st_size for path in (tmp_path / "page").rglob("*") if path.is_file())
    assert (
        capsys.readouterr().out
        == f"{tmp_path}/page: {size / 1000:.1f} kB; try it: python -m http.server -d {tmp_path}/page\n"
    )
    assert {path.name for path in PAGE.iterdir()} < {path.name for path in (tmp_path / "page").iterdir()}


def test_the_command_takes_a_model_file_alone(tmp_path, capsys):
    for name, said in (("best.pt", "best.pt: there is no such file"), ("a.safetensors", "there is no such")):
        with pytest.raises(SystemExit) as stop:
            main(["export", name, "--web", str(tmp_path / "page")])
        error = capsys.readouterr().err
        assert stop.value.code == 2 and said in error and error.count("\n") == 1
    assert not (tmp_path / "page").exists()
