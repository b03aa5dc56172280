"""examples/transliteration, and with it how examples of s2s train run: from Debian's package to a report."""

import argparse
import json
import struct

import gallery
import pytest
from packages_made import mo, write_deb
from runs import code_of, inside

from common.catalogues import messages
from common.trainings import report
from inflection.recipe import TASK as INFLECTION
from s2s_plugins.cli.main import parse
from s2s_plugins.errors import WorkError
from transliteration import prepare
from transliteration import run as transliteration
from transliteration.prepare import LANGUAGES, pairs_of

PATH = "usr/share/locale/{}/LC_MESSAGES/libgweather-4.0-locations.mo"
LETTERS = {"ru": "авек", "ja": "アイウエ", "ko": "가나다라", "hi": "कखगघ", "ar": "ابتث", "ka": "აბგდ", "th": "กขคง"}


def names(locale, count=60):
    """Names and what each letter of them is in a script, so that a model could learn it."""
    found = []
    for number in range(count):
        digits = [number % 4, number // 4 % 4, number // 16 % 4]
        found.append(("".join("aeio"[d] for d in digits), "".join(LETTERS[locale][d] for d in digits)))
    return found


@pytest.fixture
def cache(tmp_path):
    """A folder with a small package in it, as Debian would give it."""
    folder = tmp_path / "out" / "data" / "download"
    folder.mkdir(parents=True)
    files = {PATH.format(locale): mo([("", "Content-Type: x"), *names(locale)]) for locale in LETTERS}
    write_deb(folder, prepare.PACKAGE, {**files, PATH.format("de"): b"not read"})
    return folder


def test_names_are_paired_by_script_and_cleaned():
    korean = LANGUAGES["korean"]
    entries = [
        ("Seoul", "서울"),
        ("Kashi", "카스(카슈가르)"),
        ("São  Paulo", "상\u200e파울루"),
        ("Berlin", "Berlin"),
        ("Bonn am Rhein", "본 am 라인"),
        ("Kamchatka Time", "캄차카"),
        ("Eastern Time, no DST", "동부"),
        ("Bratsk/Irkutsk", "브라츠크"),
        ("Seoul", "서울시"),
        ("Seoul", "서울"),
        ("Москва", "모스크바"),
        ("", "머리글"),
    ]
    assert pairs_of(entries, korean) == {"Seoul": ["서울", "서울시"], "Kashi": ["카스"], "São Paulo": ["상파울루"]}


def test_every_language_has_letters_of_its_script_alone():
    for name, script in LANGUAGES.items():
        others = [locale for locale in LETTERS if locale != script.locale]
        mixed = [pair for locale in LETTERS for pair in names(locale, 4)]
        assert set(sum(pairs_of(mixed, script).values(), [])) == {target for _, target in names(script.locale, 4)}, name
        assert len(others) == 6


def test_no_name_is_in_two_parts_and_all_right_answers_are_lines():
    pairs = {f"name{number}": [f"a{number}", f"b{number}"] for number in range(50)}
    found = prepare.splits(pairs, 20, 1, "language")
    by_part = {part: {line.split("\t")[0] for line in lines} for part, lines in found.items()}
    assert {part: len(names) for part, names in by_part.items()} == {"dev": 5, "test": 5, "train": 20}
    assert len(set().union(*by_part.values())) == 30 and all(len(lines) % 2 == 0 for lines in found.values())
    assert prepare.splits(pairs, 20, 1, "language") == found != prepare.splits(pairs, 20, 2, "language")


def test_a_catalogue_that_is_cut_off_is_named():
    content = mo(names("ru"))
    assert list(messages(content)) == names("ru")
    for damaged in (content[:-40], content[:60], b"nothing of that kind, but long enough"):
        with pytest.raises(struct.error):
            list(messages(damaged))


def test_a_package_without_a_language_or_with_damage_is_named(tmp_path):
    files = {PATH.format(locale): mo(names(locale)) for locale in LETTERS if locale != "th"}
    write_deb(tmp_path, prepare.PACKAGE, files)
    with pytest.raises(WorkError, match="has no names of places in th"):
        prepare.read(tmp_path)
    write_deb(tmp_path, prepare.PACKAGE, {**files, PATH.format("th"): b"no catalogue"})
    with pytest.raises(WorkError, match="locale/th/.* cannot be read"):
        prepare.read(tmp_path)


def listed(capsys, *arguments):
    """The ``s2s train`` commands that a run shows, read as s2s reads them."""
    code, printed, err = inside(capsys, transliteration.main, *arguments, "--list")
    assert code == 0, err
    commands = [line for line in printed.splitlines() if line.startswith("s2s train ")]
    return [parse("train", command.split()[2:])[1] for command in commands]


def test_a_run_is_trainings_that_the_user_could_type(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    every = listed(capsys)
    assert len(every) == len(LANGUAGES)
    first = every[0]
    data = "transliteration-results/data/russian/{}.tsv".format
    assert (first.data, first.valid, first.test) == ([data("train")], data("dev"), data("test"))
    assert (first.minutes, first.updates, first.seed, first.licence) == (5, None, 1, "GPL-2.0-or-later")
    assert first.flags_behind == [] and not list(tmp_path.iterdir())
    some = listed(capsys, "--sets", "thai", "--systems", "soft", "--seeds", "2", "--seed", "5", "--updates", "7")
    assert [one.seed for one in some] == [5, 6] and {(one.minutes, one.updates) for one in some} == {(None, 7)}
    assert some[0].flags_behind == ["--attention-alignment", "soft"]
    assert len(listed(capsys, "--demo")) == 1


def test_a_run_prepares_trains_and_reports_and_does_nothing_twice(tmp_path, cache, capsys, monkeypatch):
    out = tmp_path / "out"
    arguments = ["--out", out, "--sets", "thai", "--updates", 2]
    code, printed, err = inside(capsys, transliteration.main, *arguments)
    assert code == 0, printed + err
    results = json.loads((out / "results.json").read_text())
    assert results["subsets"] == ["Thai"] and [len(row["scores"]) for row in results["rows"]] == [1]
    assert all(0 <= score[0] <= 100 for score in results["rows"][0]["scores"])
    assert (out / "thai" / "monotonic-seed1" / "model.safetensors").exists()
    page = (out / "report.html").read_text()
    assert 'href="thai/monotonic-seed1/report.html"' in page and "one word" in page
    table = (out / "table.md").read_text()
    assert printed.count(table.strip()) == 1 and "| attention_lstm" in table
    code, printed, err = inside(capsys, transliteration.main, *arguments)
    assert code == 0 and printed.count("done before") == 2, printed + err
    code, _, err = inside(capsys, transliteration.main, *arguments, "--seed", 2, "--train", 30)
    assert code == 2 and "with other settings" in err and "--redo" in err and err.count("\n") == 1
    monkeypatch.setattr(
        gallery, "parts", lambda: [gallery.Part("out", "transliteration", "x", None, transliteration.TASK)]
    )
    gallery.write_index(tmp_path)
    assert '<a href="transliteration/report.html">Names of places' in (tmp_path / "index.html").read_text()


def test_a_table_has_the_means_of_whole_rows_and_the_spread_of_seeds():
    rows = [
        {"name": "a", "scores": [[10.0, 20.0], [1.0, 2.0]], "minutes": 3.0},
        {"name": "b", "scores": [[8.0], []], "minutes": 1.0},
    ]
    lines = report.table({"subsets": ["x", "y"], "rows": rows}).splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == ["error %", "x", "y", "mean", "minutes"]
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "a",
        "15.00 (10.00–20.00)",
        "1.50 (1.00–2.00)",
        "8.25",
        "3.0",
    ]
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == ["b", "8.00", "-", "-", "1.0"]


def test_errors_are_counted_by_kind_and_a_source_may_have_several_columns(tmp_path):
    rows = [
        ("walk", "V;PST", "walked", "1", "right", "walked"),
        ("go", "V;PST", "goed", "1", "wrong", "went | wended"),
        ("see", "V;PST", "saw", "1", "right", "saw"),
    ]
    head = ("source", "features", "prediction", "probability", "verdict", "references")
    (tmp_path / "predictions.tsv").write_text("".join("\t".join(row) + "\n" for row in (head, *rows)))
    found = report.predictions(tmp_path)
    assert [one.source for one in found] == ["walk\tV;PST", "go\tV;PST", "see\tV;PST"]
    assert [one.is_right for one in found] == [True, False, True]
    assert report.by_kind(INFLECTION, found) == {"V;PST": (3, 1)}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--sets", "klingon"], "--sets: there is no klingon: use russian, japanese"),
        (["--systems", "soft,soft"], "--systems 'soft,soft': name each one once"),
        (["--seeds", "0"], "--seeds 0 is too small: use 1 or more"),
        (["--train", "0"], "--train 0 is too small: use 1 or more"),
        (["--minutes", "3", "--updates", "4"], "not allowed with argument"),
        (["--minutes", "0"], "--minutes 0 is no time to train in"),
    ],
)
def test_bad_arguments_are_named(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert code_of(lambda: transliteration.main([*arguments, "--list"])) == 2
    assert message in capsys.readouterr().err


def test_the_arguments_of_run_py_are_parsed_without_running():
    assert isinstance(transliteration.parse(["--demo"]), argparse.Namespace)
