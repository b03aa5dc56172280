"""A page has the glyphs of its rare characters inside it."""

import base64
import io
import re

import pytest
from test_reports_heatmap import SCRIPTS, alignment

from s2s_plugins.comparison.report import page as report
from s2s_plugins.reports import fonts, webfonts
from s2s_plugins.reports.heatmap import page
from s2s_plugins.reports.webfonts import FAMILY, LOAD, MARK, with_fonts

RULE = re.compile(
    r'@font-face \{ font-family: "(.+?)"; src: url\(data:font/woff;base64,(\S+?)\).*?unicode-range: (.+?); \}'
)


def drawn(text):
    """The characters that each embedded font says it is for, and draws."""
    from fontTools.ttLib import TTFont

    found = []
    for family, data, ranges in RULE.findall(text):
        assert family == FAMILY
        named = {chr(int(code.strip()[2:], 16)) for code in ranges.split(",")}
        with TTFont(io.BytesIO(base64.b64decode(data))) as font:
            order = font.getBestCmap()
            assert all(order.get(ord(character), ".notdef") != ".notdef" for character in named)
        found.append(named)
    return found


@pytest.mark.parametrize("script", ["Chinese", "Japanese", "Korean", "Arabic", "Devanagari", "Thai and Hebrew"])
def test_each_rare_character_of_a_page_is_in_one_font_of_its_own(script):
    text = page([alignment(SCRIPTS[script], SCRIPTS[script])], "&lt;title&gt;")
    found = drawn(text)
    assert sorted(character for named in found for character in named) == sorted(
        {character for token in SCRIPTS[script] for character in token if character.isprintable()}
    )
    assert (
        MARK not in text and f"{LOAD}\n</body>" in text and text.count(f'"{FAMILY}", sans-serif') >= 2
    )  # the page's and the map's


def test_what_every_browser_has_is_not_embedded():
    text = page([alignment(["Größe", "привет", "→", "é", "“x”"], ["γειά"])], "title")
    assert "@font-face" not in text and MARK not in text and LOAD not in text


def test_letters_that_join_keep_their_rules():
    from fontTools.ttLib import TTFont

    [(_, data, _)] = RULE.findall(with_fonts(MARK + "مرحبا"))
    with TTFont(io.BytesIO(base64.b64decode(data))) as font:
        forms = {record.FeatureTag for record in font["GSUB"].table.FeatureList.FeatureRecord}
    assert {"init", "medi", "fina"} <= forms


def test_escaped_characters_count_too():
    assert drawn(with_fonts(f"{MARK} &#26149;")) == [{"春"}]


def test_without_the_fonts_a_page_is_as_it_was(monkeypatch):
    monkeypatch.setattr(fonts, "_files", lambda package: [])
    monkeypatch.setattr(fonts, "_fonts", fonts.Fonts)
    assert list(webfonts.rules("春")) == []


def test_a_comparisons_report_has_them():
    results = {
        "kind": "text",
        "title": "詩 and titles",
        "machine": "",
        "signatures": {},
        "settings": {"beam": 5, "updates": 1, "seeds": [1], "metrics": ["exact"]},
        "subsets": [],
        "systems": [],
        "notes": [],
    }
    assert drawn(report(results, {}, {})) == [{"詩"}]
