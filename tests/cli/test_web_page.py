"""The page in a browser, as ``python -m http.server`` serves it."""

import contextlib
import io
import itertools
import shutil
import socket
from dataclasses import replace

import pytest
from conftest import REPOSITORY, program
from onnx_models import TOKENS
from PIL import Image
from playwright.sync_api import Error, expect, sync_playwright
from served import running
from web_tools import LETTERS, inflecting_model, letters_model, pieces_model, runtime_or_skip, served

from s2s_plugins.inference.files.facts import About
from s2s_plugins.inference.load import opened
from s2s_plugins.models.saving import model_of
from s2s_plugins.server.limits import Limits
from s2s_plugins.web.folder import write_page

TRANSLATOR = letters_model([TOKENS["general before, three layers, residual"]])
PIECES = pieces_model(TOKENS["monotonic"])
VERBS = inflecting_model()
WORDS = ["".join(word) for word in itertools.product("bafé", "geQ", "mano", "el")]
WORDS = [*WORDS[:92], "p", "ABBA", "ponmlkjihgfedcba", "e\u0301a", "ba ba", "\u4e16b", "bb  b ", "Q"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a server with a translator and a classifier in folders of it."""
    runtime_or_skip()
    root = tmp_path_factory.mktemp("site")
    write_page(TRANSLATOR, str(root / "models" / "letters"))
    classifier = model_of([str(REPOSITORY / "tests" / "checkpoints" / "sa_lstm-classifier.pt")])
    write_page(replace(classifier, path="films.safetensors"), str(root / "films"))
    write_page(PIECES, str(root / "pieces"))
    write_page(VERBS, str(root / "verbs"))
    with served(root) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visit(browser, site):
    """Opens a page of the site; what it asks for and what it complains about are in ``page.asked, page.said``."""

    def visit(path):
        page = browser.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(site + path)
        page.wait_for_selector("body[data-ready]", timeout=30_000)
        return page

    return visit


@pytest.fixture(scope="module")
def opened_once(visit):
    return visit("models/letters/")


@pytest.fixture
def page(opened_once):
    """The translator's page, as it is at first."""
    opened_once.fill("#nbest", "5")
    opened_once.fill("#beam", "5")
    type_in(opened_once, "")
    opened_once.focus("#text")
    return opened_once


SHOWS = "text => document.body.dataset.shown === text"
LISTS = "count => document.querySelectorAll('#list li').length === count"


def type_in(page, text):
    """Type a text, and wait for the answer to it."""
    page.fill("#text", text)
    page.wait_for_function(SHOWS, arg=text)


SHOWN = """() => [...document.querySelectorAll('#list li')].map((item) => [
  item.querySelector('.text').textContent, item.querySelector('.share').textContent,
  item.querySelector('.score')?.textContent])"""
WEIGHTS = (
    "() => [...document.querySelectorAll('#heatmap tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
)


def test_the_page_shows_what_python_says_of_100_lines_and_asks_nobody_else(page, site):
    translator = opened(TRANSLATOR)
    assert len(WORDS) == len(set(WORDS)) == 100
    for word, expected in zip(WORDS, translator.predict(WORDS, nbest=5, beam=5)):
        type_in(page, word)
        shown = page.evaluate(SHOWN)
        assert len(shown) == len(expected), word
        for (text, share, score), one in zip(shown, expected):
            close = [other.text for other in expected if abs(other.score - one.score) < 2e-4]
            assert text.replace("(empty)", "") in close, word
            assert float(share.split()[0]) == pytest.approx(100 * one.probability, abs=0.06), word
            assert float(score) == pytest.approx(one.score, abs=6e-4), word
        heads, *rows = page.evaluate(WEIGHTS)
        assert heads[1:] == [*translator.source_spelling.tokens(word, translator.source.indices).split(), "</s>"]
        assert [row[0] for row in rows] == [*expected[0].tokens, "</s>"]
        for row, weights in zip(rows, expected[0].alignment):
            assert [float(cell) for cell in row[1:]] == pytest.approx(list(100 * weights), abs=0.51)
    assert {url for url in page.asked if not url.startswith(site + "models/letters/")} <= {"data:,"}
    assert not page.said


def test_the_policy_of_the_page_lets_nothing_out(visit, site):
    page = visit("models/letters/")
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(Error, match="Failed to fetch"):
            page.evaluate(
                f"fetch('http://127.0.0.1:{other.getsockname()[1]}/', {{ signal: AbortSignal.timeout(2000) }})"
            )
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.body.dataset.ran = ''";
          document.body.append(script);
        }"""
    )
    assert page.get_attribute("body", "data-ran") is None
    blocked = [text for text in page.said if "Content Security Policy" in text]
    assert "connect-src" in blocked[0] and "inline script" in blocked[-1]


def test_the_page_needs_no_network_once_it_is_loaded(page):
    page.context.set_offline(True)
    before = len(page.asked)
    type_in(page, "feed")
    page.context.set_offline(False)
    assert page.evaluate(SHOWN) and len(page.asked) == before


def test_everything_is_reached_by_the_keyboard(page):
    expect(page.get_by_role("textbox", name="Text")).to_be_focused()
    page.keyboard.type("feed")
    page.wait_for_function(SHOWS, arg="feed")
    page.keyboard.press("Tab")
    expect(page.get_by_role("spinbutton", name="Predictions")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.wait_for_function(LISTS, arg=4)
    page.keyboard.press("Tab")
    expect(page.get_by_role("spinbutton", name="Beam")).to_be_focused()
    page.keyboard.press("Tab")
    rows = page.get_by_role("radio")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_checked()
    second = opened(TRANSLATOR).predict("feed", nbest=4)[1]
    assert [row[0] for row in page.evaluate(WEIGHTS)[1:]] == [*second.tokens, "</s>"]
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    target = [*second.tokens, "</s>"][1]
    expect(page.locator("#cell")).to_have_text(f"{target} from e: {100 * second.alignment[1][1]:.1f} %")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    place = "[document.activeElement.parentElement.rowIndex, document.activeElement.cellIndex]"
    assert page.evaluate(place) == [2, 2]


def test_a_screen_reader_hears_the_names_and_the_best_answer(page):
    type_in(page, "\u4e16b")
    best = opened(TRANSLATOR).predict("\u4e16b", nbest=5)[0]
    percent = page.evaluate(SHOWN)[0][1]
    expect(page.get_by_role("status")).to_contain_text(f"Best of 5: {best.text}, {percent}")
    expect(page.get_by_role("region", name="Predictions")).to_be_visible()
    expect(page.get_by_role("region", name="Alignment").get_by_role("table")).to_be_visible()
    assert page.get_by_role("rowheader").all_inner_texts() == [*best.tokens, "</s>"]
    assert page.get_by_role("columnheader").all_inner_texts() == ["\u4e16", "b", "</s>"]
    expect(page.locator("#tokens")).to_have_text("\u4e16 (unknown) b")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_what_does_not_work_is_said_and_goes_away(page):
    alert = page.get_by_role("alert")
    type_in(page, "a" * 40)
    expect(alert).to_have_text("The text has 41 tokens, </s> included, and the model takes 30: shorten it.")
    assert page.evaluate(SHOWN) == []
    type_in(page, "ab")
    expect(alert).to_have_text("")
    page.fill("#nbest", "1000")
    expect(alert).to_contain_text("Predictions: ")
    page.fill("#nbest", "")
    expect(alert).to_have_text("Predictions: Please fill out this field.")
    page.fill("#nbest", "3")
    page.wait_for_function(LISTS, arg=3)
    type_in(page, "  ")
    assert page.evaluate(SHOWN) == [] and page.locator("#alignment").is_hidden()


def test_the_newest_text_wins_whatever_runs(page):
    page.fill("#beam", "100")
    page.evaluate(
        """async () => {
          const field = document.getElementById("text");
          for (const text of ["ponmlkjihgfedcba", "abcdefghijklmnop", "fed"]) {
            field.value = text;
            field.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise((resolve) => setTimeout(resolve, 60));
          }
        }"""
    )
    page.wait_for_function(SHOWS, arg="fed")
    page.wait_for_timeout(300)
    assert page.evaluate(WEIGHTS)[0][1:] == ["f", "e", "d", "</s>"]
    assert page.get_attribute("body", "data-shown") == "fed" and not page.said


def test_a_classifier_shows_its_classes(visit):
    page = visit("films/")
    classifier = opened(model_of([str(REPOSITORY / "tests" / "checkpoints" / "sa_lstm-classifier.pt")]))
    for text in ("good film", "awful, sad plot!", "Nice xyz"):
        type_in(page, text)
        every = sorted(classifier.classify(text).probabilities.items(), key=lambda item: -item[1])
        assert [label for label, _, _ in page.evaluate(SHOWN)] == [label for label, _ in every]
        shares = [float(share.split()[0]) for _, share, _ in page.evaluate(SHOWN)]
        assert shares == pytest.approx([100 * value for _, value in every], abs=0.06)
    expect(page.get_by_role("heading", name="Classes")).to_be_visible()
    assert page.locator("#settings").is_hidden() and page.locator("#alignment").is_hidden()
    expect(page.locator("#tokens")).to_have_text("nice xyz (unknown)")


def test_sentencepiece_runs_in_the_browser(visit, site):
    page, translator = visit("pieces/"), opened(PIECES)
    for text in ("The model runs in the browser.", "Ünïcode ﬁ \u4e16", "a"):
        type_in(page, text)
        expected = translator.predict(text, nbest=5)
        assert [one for one, _, _ in page.evaluate(SHOWN)] == [one.text for one in expected]
        pieces = translator.source_spelling.tokens(text, {}).split()
        assert page.evaluate(WEIGHTS)[0][1:] == [*pieces, "</s>"]
    assert not page.said


def test_features_are_typed_behind_the_tab_key_and_strange_letters_are_copied(visit):
    page, translator = visit("verbs/"), opened(VERBS)
    assert page.get_attribute("#text", "placeholder") == "TEXT, Tab key, FEATURES with ; between them"
    page.focus("#text")
    page.keyboard.type("\u0433\u0433\u0433")
    page.keyboard.press("Tab")
    page.keyboard.type("V;NEW")
    text = "\u0433\u0433\u0433\tV;NEW"
    assert page.input_value("#text") == text
    page.wait_for_function(SHOWS, arg=text)
    shown, expected = page.evaluate(SHOWN), translator.predict(text, nbest=5)
    assert shown[0][0] == expected[0].text and "\u0433" in shown[0][0]
    assert [float(score) for *_, score in shown] == pytest.approx([one.score for one in expected], abs=6e-4)
    assert page.locator("#tokens mark").all_text_contents() == ["⟦NEW⟧ (unknown)"]
    page.keyboard.press("Tab")
    expect(page.locator("#nbest")).to_be_focused()
    type_in(page, "walk")
    expect(page.locator("#problem")).to_contain_text("write TEXT<TAB>FEATURES")


def test_it_fits_a_narrow_screen_and_has_contrast_in_light_and_dark(visit):
    page = visit("models/letters/")
    page.set_viewport_size({"width": 390, "height": 844})
    type_in(page, "ponmlkjihgfedcba\u4e16")
    for scheme, ground in (("light", "rgb(251, 250, 248)"), ("dark", "rgb(20, 24, 28)")):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.evaluate(EVERY_WEIGHT)
        assert page.evaluate(CONTRASTS) >= 4.5


PLACES = """() => ["#answers", "#alignment", ".scroll"].map((one) => {
  const { top, width } = document.querySelector(one).getBoundingClientRect();
  return [top, width, document.querySelector(one).scrollWidth];
})"""


def test_an_alignment_has_the_width_that_it_needs_and_shows_where_it_goes_on(page):
    page.set_viewport_size({"width": 1200, "height": 900})
    type_in(page, "feed")
    (top, _, _), (beside, _, _), _ = page.evaluate(PLACES)
    assert top == beside
    type_in(page, "ponmlkjihgfedc")
    (top, width, _), (below, full, _), (_, inner, needed) = page.evaluate(PLACES)
    assert below > top and full == width and needed <= inner + 1, "nothing is cut off"
    whole, end = edge(page), page.evaluate("document.querySelector('.scroll').scrollLeft = 9999")
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("document.querySelector('.scroll').scrollLeft = 0")
    assert edge(page) < whole - 20, "a shadow"
    page.evaluate("document.querySelector('.scroll').scrollLeft = 9999")
    assert edge(page) > whole - 20 and end
    page.set_viewport_size({"width": 1280, "height": 720})


def edge(page):
    """How light the right edge of the alignment is, above its cells."""
    x, y = page.evaluate(
        """() => {
          const scroll = document.querySelector(".scroll");
          scroll.scrollIntoView();
          const { right, top } = scroll.getBoundingClientRect();
          return [right - 3, top + 1];
        }"""
    )
    shot = page.screenshot(clip={"x": x, "y": y, "width": 2, "height": 2})
    return Image.open(io.BytesIO(shot)).convert("L").getpixel((0, 0))


EVERY_WEIGHT = """() => document.querySelectorAll("#heatmap td[tabindex]").forEach((cell, place, all) => {
  cell.style.setProperty("--weight", place / (all.length - 1));
})"""
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (...colors) => {
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((one) => {
      return one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => [...(element.parentElement ? behind(element.parentElement) : []),
    getComputedStyle(element).backgroundColor];
  const texts = [...document.querySelectorAll("body *")].filter((element) => element.checkVisibility()
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  return Math.min(...texts.map((element) => {
    const [one, other] = [light(...behind(element)), light(getComputedStyle(element).color)].sort();
    return (other + 0.05) / (one + 0.05);
  }));
}"""


def test_a_model_that_is_incomplete_is_named(browser, tmp_path):
    runtime_or_skip()
    write_page(TRANSLATOR, str(tmp_path / "page"))
    shutil.rmtree(tmp_path / "page" / "graphs")
    with served(tmp_path / "page") as address:
        page = browser.new_page()
        page.goto(address)
        message = "The model cannot be loaded. /graphs/0-encoder.onnx cannot be read (404): export the model again."
        expect(page.get_by_role("alert")).to_have_text(message)
        assert page.locator("#text").is_disabled()
        page.close()
    assert set(LETTERS) >= set("fed")


def late_answers_are_left_alone(page):
    held = []
    page.route("**/v1/predict", lambda route: held.append(route) if not held else route.continue_())
    with page.expect_request("**/v1/predict"):
        page.fill("#text", "bade")
    type_in(page, "feed")
    with contextlib.suppress(Error):  # the page has stopped waiting for it
        held[0].continue_()
    page.wait_for_timeout(200)
    assert page.evaluate(WEIGHTS)[0][1:] == ["f", "e", "e", "d", "</s>"]
    page.unroute("**/v1/predict")


def test_the_page_of_a_server_shows_what_its_models_say(browser):
    films = opened(model_of([str(REPOSITORY / "tests" / "checkpoints" / "sa_lstm-classifier.pt")]))
    letters = opened(TRANSLATOR)
    letters.about = About("attention_lstm", "CC0-1.0", "made up", {"PER": 8.5})
    with running({"letters": letters, "films": films}, Limits(max_beam=4)) as server:
        page, said = browser.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.goto(server.url)
        page.wait_for_selector("body[data-ready]", timeout=30_000)
        expect(page.locator("#about")).to_have_text("translator, attention_lstm, trained on made up")
        expect(page.locator("#facts")).to_contain_text("CC0-1.0")
        expect(page.locator("#facts")).to_contain_text("PER8.5")
        assert [page.input_value(field) for field in ("#nbest", "#beam")] == ["4", "4"]
        for word in ("feed", "\u4e16b"):
            type_in(page, word)
            expected = letters.predict(word, nbest=4, beam=4)
            assert [text for text, _, _ in page.evaluate(SHOWN)] == [one.text for one in expected]
            assert len(page.evaluate(WEIGHTS)) == len(expected[0].tokens) + 2
        expect(page.locator("#tokens")).to_have_text("\u4e16 (unknown) b")
        type_in(page, "a" * 40)
        expect(page.get_by_role("alert")).to_contain_text("41 tokens")
        late_answers_are_left_alone(page)
        page.fill("#text", "good film")
        page.get_by_role("combobox", name="Model").select_option("films")
        page.wait_for_function("() => document.querySelectorAll('#list li').length === 2")
        label = films.classify("good film").label
        assert page.evaluate(SHOWN)[0][0] == label and page.locator("#alignment").is_hidden()
        expect(page.locator("#place")).to_contain_text("server")
        assert [text for text in said if "422" not in text and "400" not in text] == []
        page.close()
