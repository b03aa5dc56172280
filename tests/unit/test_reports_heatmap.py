"""Heat maps: what the page and the pictures show, in any script."""

import json
import logging
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest

from s2s_plugins.errors import UsageError
from s2s_plugins.reports import fonts, heatmap
from s2s_plugins.reports.heatmap import Alignment, colour, draw, fragment, page

STRANGE = ['<b>&"', "'</script>", "$x^2$", "{{ 1 }}"]


def alignment(source, target, reference=None, unknown=()):
    source, target = [*source, "</s>"], [*target, "</s>"]
    weights = np.random.default_rng(1).dirichlet(np.ones(len(source)), size=len(target))
    return Alignment(source, target, weights, reference, unknown)


class Reader(HTMLParser):
    """What a browser makes of a page: its elements, and the text in each kind."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "rect", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("meta", "rect", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)

    def count(self, tag, **attrs):
        return sum(name == tag and attrs.items() <= found.items() for name, found in self.elements)


def test_a_page_shows_each_token_as_it_is_whatever_it_holds():
    found = alignment(STRANGE, STRANGE[::-1], STRANGE)
    text = page([found], 'of <i> & "us"')
    reader = Reader(text)
    assert not reader.open
    assert reader.texts["title"] == reader.texts["h1"] == ['of <i> & "us"']
    assert reader.texts["text"] == [*found.source, *found.target]
    assert reader.texts["bdi"] == [" ".join(tokens) for _, tokens in found.lines()]
    assert reader.count("b") == 0 and reader.count("i") == 1  # the colour scale
    data = json.loads([text for text in reader.texts["script"] if text.startswith("{")][0])
    assert data["source"] == found.source and data["target"] == found.target
    assert np.array(data["weights"]) == pytest.approx(found.weights, abs=1e-4)


def test_a_page_needs_nothing_from_elsewhere():
    text = page([alignment("abc", "xyz")], "title")
    for word in ("http", "//", "src=", "href=", "@import", "url("):
        assert word not in text.lower(), word


def test_a_fragment_stands_alone_and_a_page_has_style_and_script_once():
    found = alignment("abc", "xyz")
    assert fragment(found).count("<style>") == 1
    assert "<style>" not in fragment(found, assets=False)
    reader = Reader(page([found, found, found], "title"))
    assert reader.count("style") == 2 and reader.count("figure") == 3  # the page's, the heat maps'
    assert reader.count("script", type="application/json") == 3 and reader.count("script") == 4


def test_a_cell_is_coloured_by_its_weight():
    found = Alignment(["a", "b", "</s>"], ["x", "</s>"], [[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    cells = [attrs for tag, attrs in Reader(fragment(found)).elements if tag == "rect" and "fill" in attrs]
    side = heatmap.CELL_SIDE
    assert [(int(cell["x"]) // side, int(cell["y"]) // side) for cell in cells] == [(1, 0), (0, 1), (2, 1)]
    assert [cell["fill"] for cell in cells] == [heatmap.COLOURS[-1], heatmap.COLOURS[2], heatmap.COLOURS[2]]
    shades = [sum(bytes.fromhex(colour(weight)[1:])) for weight in np.linspace(0, 1, 50)]
    assert shades == sorted(shades, reverse=True)


def test_what_is_copied_has_a_column_of_its_own(tmp_path):
    plain = Alignment(["a", "b", "</s>"], ["a", "</s>"], [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    copying = Alignment(plain.source, plain.target, plain.weights, copied=[1.0, 0.25])
    reader = Reader(fragment(copying))
    cells = [attrs for tag, attrs in reader.elements if tag == "rect" and "fill" in attrs]
    side = heatmap.CELL_SIDE
    assert [(int(cell["x"]) // side, int(cell["y"]) // side) for cell in cells] == [(0, 0), (4, 0), (2, 1), (4, 1)]
    assert cells[-1]["fill"] == heatmap.COLOURS[1] and "copied" in reader.texts["text"]
    said = "a token was copied from the source"
    assert said in page([copying], "title") and said not in page([plain], "title")
    for name, one in (("plain", plain), ("copying", copying)):
        draw(one, tmp_path / f"{name}.png")
    assert size(tmp_path / "copying.png")[0] > size(tmp_path / "plain.png")[0]


def test_a_probability_of_copying_is_one_for_each_token():
    with pytest.raises(ValueError, match="1 probabilities of copying for 2 target tokens"):
        Alignment(["a", "</s>"], ["x", "</s>"], [[1, 0], [0, 1]], copied=[0.5])


def test_the_reference_stands_below_the_output_and_says_whether_they_agree():
    right, wrong, unknown = alignment("ab", "xy", list("xy")), alignment("ab", "xy", list("x")), alignment("ab", "xy")
    assert (right.is_right, wrong.is_right, unknown.is_right) == (True, False, None)
    assert "= the reference" in fragment(right, assets=False)
    assert "≠ not the reference" in fragment(wrong, assets=False)
    assert "reference" not in fragment(unknown, assets=False)
    assert "1 of 2 outputs are the reference" in page([right, wrong, unknown], "title")


def test_an_output_that_did_not_end_keeps_its_last_token():
    found = Alignment(["a", "</s>"], ["x", "y"], [[1, 0], [0, 1]], ["x", "y"])
    assert found.output == ["x", "y"] and found.is_right


def test_a_source_word_that_the_model_does_not_know_is_marked():
    reader = Reader(page([alignment(["ab", "q"], ["x"], unknown=[1])], "title"))
    assert reader.count("text", **{"class": "s2s-unknown"}) == 1
    assert any("not in the dictionary" in text for text in reader.texts["p"])


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 2\) for \(target, source\) tokens \(2, 2\)"):
        Alignment(["a", "</s>"], ["x", "</s>"], [[0.5, 0.5]])


def size(path):
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def warned(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


SCRIPTS = {
    "phonemes": ["aɪ", "ˈiː", "ʃ", "θ", "ŋ", "t͡ʃ"],
    "Chinese": list("春眠不覺曉處處聞啼鳥"),
    "Japanese": ["東京", "に", "行き", "ます"],
    "Korean": list("한국어"),
    "Arabic": "مرحبا بكم في العالم".split(),
    "Devanagari": "नमस्ते दुनिया".split(),
    "Thai and Hebrew": "สวัสดี שלום".split(),
    "Cyrillic, Greek, Georgian": ["привет", "γειά", "გამარჯობა"],
    "formulas": [*STRANGE, "$\\nosuch$"],
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_picture_has_a_glyph_for_every_token(tmp_path, script, caplog, monkeypatch):
    # matplotlib warns of a missing glyph, and draw() leaves that to a warning of its own: both count here
    monkeypatch.setattr(warnings, "filterwarnings", lambda *args, **kwargs: None)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        draw(alignment(SCRIPTS[script], SCRIPTS[script], SCRIPTS[script]), tmp_path / "1.png", title="1")
    assert [str(warning.message) for warning in said] == []
    assert warned(caplog) == []
    assert min(size(tmp_path / "1.png")) > 100


def test_chinese_is_drawn_in_a_regular_weight_not_the_thinnest():
    from fontTools.ttLib import TTFont
    from matplotlib import font_manager

    name = fonts.families("春")[-1]
    with TTFont(font_manager.findfont(font_manager.FontProperties(family=name))) as font:
        assert "fvar" not in font and font["OS/2"].usWeightClass == 400


def test_a_character_without_a_font_is_warned_of_once_in_one_line(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            draw(alignment(["\U00012000"], ["x"]), tmp_path / "1.png")
    (message,) = warned(caplog)
    assert "U+12000" in message and "\n" not in message


def test_without_the_font_packages_the_warning_names_the_extra(caplog, monkeypatch):
    monkeypatch.setattr(fonts, "_files", lambda package: [])
    known = fonts.Fonts()
    monkeypatch.setattr(known, "_search_the_system", lambda left, chosen: None)
    with caplog.at_level(logging.WARNING):
        assert known.families("abc") == ["DejaVu Sans"]
        assert warned(caplog) == []
        known.families("春眠不覺")
    (message,) = warned(caplog)
    assert "pip install 's2s-plugins[report]'" in message and "and 1 more" in message


def test_a_picture_grows_with_the_sentence_up_to_a_limit(tmp_path):
    sizes = []
    for tokens in (1, 20, 60):
        draw(alignment([f"token{n}" for n in range(tokens)], ["x"] * tokens), tmp_path / "1.png")
        sizes.append(size(tmp_path / "1.png"))
    assert sizes[0][0] < sizes[1][0] < sizes[2][0] and sizes[0][1] < sizes[1][1] < sizes[2][1]
    assert sizes[2][1] > 60 * heatmap.CELL * heatmap.DPI
    monster = Alignment(["a"] * 1500, ["x"] * 3, np.full((3, 1500), 1 / 1500))
    draw(monster, tmp_path / "1.png")
    assert size(tmp_path / "1.png")[0] < (heatmap.LARGEST + 4) * heatmap.DPI


def test_an_interrupted_picture_leaves_the_earlier_one_whole(tmp_path, monkeypatch):
    draw(alignment("ab", "xy"), tmp_path / "1.png")
    before = (tmp_path / "1.png").read_bytes()
    from matplotlib.figure import Figure

    def interrupted(self, path, **kwargs):
        path.write_bytes(before[:50])
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw(alignment("abc", "xyz"), tmp_path / "1.png")
    assert [file.name for file in tmp_path.iterdir()] == ["1.png"]
    assert (tmp_path / "1.png").read_bytes() == before


def test_a_missing_library_is_named_with_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"matplotlib is not installed.*pip install 's2s-plugins\[report\]'"):
        draw(alignment("ab", "xy"), "unused.png")
