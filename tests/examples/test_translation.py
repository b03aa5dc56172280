"""examples/translation: pairs out of Debian's packages, split without leaks, and scored as text."""

import json
import re
import shutil
import subprocess
import sys

import pytest
import sacrebleu
from packages_made import mo, write_deb
from runs import run
from sentencepiece import SentencePieceProcessor

from common import corpora, debian
from s2s_plugins.errors import UsageError, WorkError
from translation import prepare

NAMES = ("libreoffice-help-de", "libreoffice-help-en-us", "libreoffice-l10n-de")


def help_page(*paragraphs):
    return "<html><body><p>Header</p>" + "\n".join(paragraphs) + '<p id="bm_module"></p></body></html>'


HIDDEN = '<span hidden="true" id="{}">{}</span>'


def key(mac, default):
    inner = HIDDEN.format("MACx", mac) + HIDDEN.format("defaultx", default)
    return f'<span id="swl1" class="switchinline">{inner}</span>'


GERMAN = help_page(
    '<h1 id="hd_id1" dir="auto"><a name="x"></a>Die <span class="emph">Suche</span></h1>',
    f'<p id="par_id2">Dr&uuml;cken Sie {key("Befehl", "<b>Strg</b>")}+F&nbsp;&lt; jetzt<br>hier.</p>',
    '<p id="par_id3" class="codeintable">Print x</p>',
    '<p id="par_id4">Byte</p><p id="par_id5">Nur hier.</p>',
    '<p id="par_id6">Ein Wort.</p><p id="par_id7">Sil\u00adben\u200btrennung\n\tda</p>',
)
ENGLISH = help_page(
    '<p id="par_id7">Hyphenation there</p>',
    '<h1 id="hd_id1">The <i>search</i></h1>',
    f'<p id="par_id2">Press {key("Command", "Ctrl")}+F &lt; now<br/>here.</p>',
    '<p id="par_id3" class="code">Print x</p>',
    '<p id="par_id4">Byte</p><p id="par_id6">One word is what stands in German here, and not all of this.</p>',
    '<p id="par_id6">Second of this number.</p>',
)
PAGE = "usr/share/libreoffice/help/{}/text/swriter/01/a.html"
STRINGS = {
    "usr/lib/libreoffice/program/resource/de/LC_MESSAGES/sw.mo": mo(
        [
            ("", "Content-Type: text/plain"),
            ("dialog|ok\x04Fo_rm", "_Formular"),
            ("STR\x04~Save %PRODUCTNAME", "%PRODUCTNAME ~sichern"),
            ("STR\x04One page\0%1 pages", "1 Seite\0%1 Seiten"),
            ("STR\x04Undo $(ARG1)", "$(ARG1) zurück"),
            ("STR\x04snake_case_name here", "snake_case_name dort"),
        ]
    )
}


@pytest.fixture
def packages(tmp_path):
    """Three small packages."""
    cache = tmp_path / "cache"
    cache.mkdir()
    return (
        write_deb(cache, NAMES[0], {PAGE.format("de"): GERMAN}),
        write_deb(cache, NAMES[1], {PAGE.format("en-US"): ENGLISH}, "gz"),
        write_deb(cache, NAMES[2], STRINGS),
    )


def test_paragraphs_of_one_number_are_pairs_as_a_reader_sees_them(packages):
    pages = prepare.aligned(*packages)
    assert dict(pages["swriter/01/a.html"]) == {
        "Silbentrennung da": "Hyphenation there",
        "Die Suche": "The search",
        "Drücken Sie Strg+F < jetzt hier.": "Press Ctrl+F < now here.",
        "Byte": "Byte",
        "Ein Wort.": "One word is what stands in German here, and not all of this.",
    }
    assert pages[prepare.INTERFACE] == [
        ("Formular", "Form"),
        ("LibreOffice sichern", "Save LibreOffice"),
        ("1 Seite", "One page"),
        ("snake_case_name dort", "snake_case_name here"),
    ]


def test_what_is_no_translation_is_left_out():
    good = [("Der Hund bellt laut.", "The dog barks loudly.")] * 20
    bad = [("Byte", "byte"), ("", "x"), ("12", "3.4"), ("Kurz.", "w " * 60), ("w " * 60, "Short."), ("l " * 300,) * 2]
    assert prepare.sound({"a": good, "b": bad}) == {"a": good, "b": []}


def numbered(*numbers):
    return [(f"Satz Nummer {number} des deutschen Textes hier.", f"Sentence {number}.") for number in numbers]


def test_held_out_lines_and_their_long_sentences_stand_in_no_other_page():
    pages = {f"page{number}": numbered(*range(10 * number, 10 * number + 10)) for number in range(20)}
    pages["copies"] = [(pair[0].upper() + " Dazu noch mehr.", "More.") for pair in numbered(*range(0, 50, 2))]
    pages[prepare.INTERFACE] = numbered(*range(1, 50, 2))
    splits = prepare.split(pages, None, {"valid": 25, "test": 35}, seed=1)
    assert [len(splits[name]) for name in ("valid", "test")] == [25, 35]
    held = {source for name in ("valid", "test") for source, _ in splits[name]}
    assert len(held) == 60 and not held & {source for number in range(50) for source, _ in numbered(number)}
    train = [source for source, _ in splits["train"]]
    assert set(train) >= {source for source, _ in pages[prepare.INTERFACE]} and len(set(train)) == len(train)
    # whole pages are held out, and what is cut off of the last one is not trained on
    assert not {source for page in pages.values() if held & {s for s, _ in page} for source, _ in page} & set(train)
    assert prepare.split(pages, None, {"valid": 25, "test": 35}, seed=1) == splits
    assert prepare.split(pages, None, {"valid": 25, "test": 35}, seed=2)["test"] != splits["test"]
    assert prepare.split(pages, 7, {"valid": 25, "test": 35}, seed=1)["train"] == splits["train"][:7]
    with pytest.raises(UsageError, match="--test 80 are more than half of the 150 lines"):
        prepare.split(pages, None, {"test": 80}, seed=1)


@pytest.mark.parametrize("damage", [b"no package", b"!<arch>\nshort", None])
def test_a_damaged_package_is_named(packages, damage):
    deb = packages[0]
    deb.write_bytes(damage if damage else deb.read_bytes()[:-60])
    with pytest.raises(WorkError, match="cannot be read .*: remove it") as error:
        dict(debian.files(deb, ".*"))
    assert str(deb) in str(error.value)


def test_packages_that_are_none_or_of_another_kind_are_named(packages):
    with pytest.raises(WorkError, match="share no page"):
        prepare.aligned(packages[0], packages[2], packages[2])
    bad = write_deb(packages[0].parent, "bad", {next(iter(STRINGS)): b"no catalogue"})
    with pytest.raises(WorkError, match="sw.mo in .*bad_.* cannot be read"):
        prepare.interface(bad)


def test_a_package_that_is_packed_with_zstd_is_read(tmp_path):
    (tmp_path / "tree" / "DEBIAN").mkdir(parents=True)
    (tmp_path / "tree" / "DEBIAN" / "control").write_text(
        "Package: small\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: small\n"
    )
    (tmp_path / "tree" / "file").write_text("content")
    command = ["dpkg-deb", "-Zzstd", "--build", tmp_path / "tree", tmp_path / "small_1_all.deb"]
    subprocess.run(command, check=True, capture_output=True)
    assert list(debian.files(tmp_path / "small_1_all.deb", "fi.*")) == [("file", b"content")]


def test_a_package_that_cannot_be_had_is_named_with_what_to_do(tmp_path, monkeypatch):
    message = r"could not download no-such-package-here \((.*)\): .* put a file no-such-package-here_\*.deb into"
    with pytest.raises(WorkError, match=message) as error:
        debian.fetch("no-such-package-here", tmp_path)
    assert "E: " in re.search(message, str(error.value)).group(1)
    assert [path.name for path in tmp_path.iterdir()] == ["apt"], "nothing half-done is left"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkError, match="apt-get is not on PATH: .* put a file no-such-package-here_"):
        debian.fetch("no-such-package-here", tmp_path / "empty")


def run_prepare(out, *flags, code=0):
    """What ``prepare.py`` says on stdout and stderr."""
    found, printed, err = run("translation", "--out", out, *flags, script="prepare.py")
    assert found == code, err
    return printed, err


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A small part of the real data, and what was printed."""
    folder = tmp_path_factory.mktemp("translation")
    sizes = ("--train", "4000", "--valid", "40", "--test", "300", "--pieces", "1500")
    return folder, run_prepare(folder / "out", "--cache", folder / "cache", *sizes)[0]


def lines_of(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines.pop() == "" and all(line.strip() for line in lines)
    return lines


def test_the_real_data_is_clean_unseen_and_comes_out_of_its_pieces_as_it_went_in(prepared):
    folder, said = prepared
    out = folder / "out"
    assert said.count("licence MPL-2.0 (in usr/share/doc/libreoffice-") == 3
    plain = {}
    for name, count in (("train", 4000), ("valid", 40), ("test", 300)):
        sides = [lines_of(out / "plain" / f"{name}.{lang}") for lang in ("de", "en")]
        assert [len(side) for side in sides] == [count, count] and f"{name}: {count} pairs" in said
        plain[name] = list(zip(*sides))
        for lang, side in zip(("de", "en"), sides):
            model = SentencePieceProcessor(model_file=str(out / "plain" / f"sentencepiece.{lang}.model"))
            assert model.vocab_size() == 1500
            pieces = lines_of(out / "text" / f"{name}.{lang}")
            # as fairseq's --post-process sentencepiece does
            assert [line.replace(" ", "").replace("\u2581", " ").strip() for line in pieces] == side
            assert (out / "bin" / f"{name}.de-en.{lang}.idx").is_file()
    everything = [side for name in plain for pair in plain[name] for side in pair]
    assert not [
        line for line in everything if re.search(r"</?(span|div)\b|&(amp|lt|gt|quot|nbsp);|[\u00ad\u200b\t]", line)
    ]
    assert not {source for source, _ in plain["train"]} & {source for source, _ in plain["valid"] + plain["test"]}
    german = sum(bool(re.search(r"\b(der|die|das|und|ein|eine|den|Sie)\b", source)) for source, _ in plain["test"])
    english = sum(bool(re.search(r"\b(the|and|a|an|of|to|is)\b", target)) for _, target in plain["test"])
    assert german > 180 and english > 180 and not list(out.glob("*.partial"))


def test_the_comparison_scores_text_with_the_tokenizer_that_is_named(prepared, tmp_path):
    folder, _ = prepared
    command = [shutil.which("s2s", path=str(prepare.Path(sys.executable).parent)), "compare", folder / "out" / "bin"]
    command += [
        "--archs",
        "basic_lstm_tiny",
        "--updates",
        "2",
        "--out",
        tmp_path,
        "--metrics",
        "bleu,chrf",
        "--beam",
        "1",
    ]
    command += ["--bleu-tokenize", "13a", "--decode-flags", "--post-process sentencepiece", "--attention-maps", "0"]
    plain = lines_of(folder / "out" / "plain" / "test.en")
    plain[0] = "A line that no dictionary has: \u4e2d\u56fd."
    corpora.write_lines(tmp_path / "references" / "test.en", plain)
    command += ["--references", tmp_path / "references"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [line for line in results["signatures"] if "tok:13a" in line and line.startswith("BLEU: nrefs:1|case:mixed")]
    subset = results["subsets"][0]
    assert {sample["reference"] for sample in subset["samples"]} <= set(plain)
    text = (tmp_path / "decoded" / "test-basic_lstm_tiny-seed1.txt").read_text(encoding="utf-8")
    found = dict(re.findall(r"^D-(\d+)\t[^\t]+\t(.*)$", text, re.MULTILINE))
    hypotheses = [found[str(number)] for number in range(len(plain))]
    assert not any("\u2581" in line for line in hypotheses)
    scores = subset["scores"]["basic_lstm_tiny"][0]
    assert scores["bleu"] == pytest.approx(sacrebleu.corpus_bleu(hypotheses, [plain]).score)
    assert scores["chrf"] == pytest.approx(sacrebleu.corpus_chrf(hypotheses, [plain]).score)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--source-lang", "en-gb"], "--source-lang en-gb is no language to translate from"),
        (["--source-lang", "../de"], "--source-lang ../de is no language"),
        (["--train", "0"], "--train 0 is not a number of pairs"),
        (["--pieces", "0"], "--pieces 0 is too few"),
        ([], "--valid 1000, --test 2000 are more than half of the 3 lines that stand in one page alone"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(packages, tmp_path, flags, message):
    error = run_prepare(tmp_path / "out", "--cache", packages[0].parent, *flags, code=2)[1]
    assert error.startswith("prepare.py: error: ") and message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("count", "reason"), [(8000, "too high"), (5, "smaller than required_chars")])
def test_more_or_fewer_pieces_than_the_text_has_are_named(count, reason):
    with pytest.raises(UsageError, match=f"--pieces {count} do not fit 10 training lines: .*{reason}"):
        prepare.train_pieces([source for source, _ in numbered(*range(10))], count, seed=1)
