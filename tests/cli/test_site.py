"""The documentation as a site, and what README.md and docs/ promise to hold."""

import importlib.util
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from conftest import REPOSITORY
from fairseq.models import MODEL_REGISTRY
from shown import PAGES

from s2s_plugins.cli.main import main
from s2s_plugins.compat import REPAIRS


class Links(HTMLParser):
    """What a page of HTML links to and loads, and the places in it that can be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.links, self.loads, self.places = [], [], set()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        self.loads += [found[name] for name in ("src", "srcset", "data", "poster") if found.get(name)]
        if tag == "link" and found.get("rel") not in ("canonical", "index", "search", "next", "prev"):
            self.loads.append(found["href"])


def build(clone, out):
    """``make docs`` of a copy of the repository that is at ``clone``."""
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-b", "html"]
    command += ["-c", clone / "docs", "-d", out / "trees", clone, out / "site"]
    # a proxy that refuses: what asks the network fails
    environment = {"PATH": "/usr/bin:/bin", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=out)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("docs")
    done = build(REPOSITORY, out)
    assert done.returncode == 0, done.stderr
    return out / "site"


@pytest.fixture(scope="module")
def pages(site):
    found = {}
    for page in site.rglob("*.html"):
        if "_static" not in page.parts:
            found[page] = Links()
            found[page].feed(page.read_text(encoding="utf-8"))
    return found


def test_every_page_is_in_the_site(site, pages):
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()
    for page in PAGES:
        assert site / page.relative_to(REPOSITORY).with_suffix(".html") in pages
    for page in (REPOSITORY / "examples").glob("*/README.md"):
        assert site / page.relative_to(REPOSITORY).with_suffix(".html") in pages


def test_the_sidebar_starts_with_getting_started_and_has_every_page(site):
    page = site / "docs" / "using.html"
    entry = r'<li class="toctree-l\d[^>]*><a [^>]*href="([^"]+)">(.*?)</a>'
    entries = re.findall(entry, page.read_text(encoding="utf-8"))
    assert entries[0] == ("../README.html", "Getting started")
    linked = {page if address == "#" else (page.parent / address).resolve() for address, _ in entries}
    for source in PAGES:
        assert site / source.relative_to(REPOSITORY).with_suffix(".html") in linked, source


def test_links_of_the_site_lead_somewhere(site, pages):
    count = 0
    for page, found in pages.items():
        for link in found.links:
            address = urlsplit(link)
            if address.scheme:
                continue
            target = (page.parent / unquote(address.path)).resolve() if address.path else page
            assert target.is_file(), f"{page.relative_to(site)}: {link}"
            if address.fragment and target in pages:
                places = pages[target].places | {""}
                assert unquote(address.fragment) in places, f"{page.relative_to(site)}: {link}"
            count += 1
    assert count > 500


def test_nothing_of_the_site_is_loaded_from_a_network(site, pages):
    for page, found in pages.items():
        for address in found.loads:
            assert not urlsplit(address).netloc, f"{page.relative_to(site)} loads {address}"
    for style in site.rglob("*.css"):
        loaded = re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", style.read_text(encoding="utf-8"))
        assert not loaded, f"{style.relative_to(site)} loads {loaded}"


def test_the_reference_has_what_users_call(site):
    text = "".join(page.read_text(encoding="utf-8") for page in (site / "docs" / "api").glob("*.html"))
    for name in (
        "models.translator.load_translator",
        "models.classifier.load_classifier",
        "inference.translator.Translator.translate",
        "inference.classifier.Classifier",
        "nn.attention.AdditiveAttention",
        "nn.decoders.peek.PeekDecoder",
        "steps.Runner.run",
        "errors.UsageError",
    ):
        assert f'id="s2s_plugins.{name}"' in text


def test_a_broken_link_or_reference_fails_the_build(tmp_path):
    clone = tmp_path / "clone"
    shutil.copytree(REPOSITORY / "docs" / "static", clone / "docs" / "static")
    shutil.copy(REPOSITORY / "docs" / "conf.py", clone / "docs")
    page = clone / "docs" / "flags.md"
    page.write_text("# Page\n\n[front page](../README.md#front-page)\n")
    (clone / "README.md").write_text("# Front page\n\n[a page](docs/flags.md#page)\n")
    done = build(clone, tmp_path)
    assert done.returncode == 0, done.stderr
    page.write_text(
        "# Page\n\n[nowhere](nowhere.md), [no heading](../README.md#no-such-heading)\n\n"
        "```{eval-rst}\n:class:`s2s_plugins.nn.NoSuchClass`\n```\n"
    )
    done = build(clone, tmp_path)
    assert done.returncode == 1
    for broken in ("nowhere.md", "no-such-heading", "NoSuchClass"):
        assert broken in done.stderr


def test_the_page_of_flags_is_up_to_date():
    """Else: python scripts/document_flags.py."""
    path = REPOSITORY / "scripts" / "document_flags.py"
    spec = importlib.util.spec_from_file_location("document_flags", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (REPOSITORY / "docs" / "flags.md").read_text(encoding="utf-8") == script.page()


def test_every_repair_is_on_the_page_of_fairseq_and_no_other():
    text = (REPOSITORY / "docs" / "fairseq.md").read_text(encoding="utf-8")
    column = [line.rsplit("|", 2)[1] for line in text.splitlines() if line.startswith("|")]
    named = set(re.findall(r"`(\w+)`", "".join(column)))
    assert named == {repair.__name__ for repair in REPAIRS}


def test_the_readme_is_short_links_every_page_and_starts_with_what_one_does_first():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 700
    for page in (REPOSITORY / "docs").glob("*.md"):
        assert f"docs/{page.name}" in text, page.name
    screen = text.splitlines()[:45]
    assert "`s2s check`" in text and "`s2s tune`" in text and "--series sales.csv" not in text
    for first in ("pip install", "s2s train words.tsv", "s2s predict", "s2s.train("):
        assert any(first in line for line in screen), first


GUIDES = "training pairs classification series report check tune using"
VERBS_OF_ALL = "train check tune predict classify forecast attention calibrate save info export package serve"


def test_who_never_saw_fairseq_meets_its_name_in_no_guide_and_no_help(capsys):
    for name in GUIDES.split():
        text = (REPOSITORY / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert "fairseq" not in re.sub(r"\]\([^)]*\)", "", text), name
    for words in ([], *([verb] for verb in VERBS_OF_ALL.split())):
        with pytest.raises(SystemExit, match="0"):
            main([*words, "--help"])
        assert "fairseq" not in capsys.readouterr().out.lower(), words


def test_the_readme_has_a_row_for_each_architecture():
    ours = {name: model for name, model in MODEL_REGISTRY.items() if model.__module__.startswith("s2s_plugins.models.")}
    presets = {name for name, model in ours.items() if set(model.__mro__[1:]) & set(ours.values())}
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert {"peek_lstm", "sa_lstm"} <= set(ours) - presets
    for name in set(ours) - presets:
        assert f"`{name}`" in text
