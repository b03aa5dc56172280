"""The report of a training: what its page shows, what it says is absent, and the files beside it."""

import csv
import json
import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import program
from playwright.sync_api import sync_playwright

from s2s_plugins.evaluation.classes import ClassItem, class_evaluation_of
from s2s_plugins.evaluation.forecasts import ForecastEvaluation
from s2s_plugins.evaluation.translations import Guess, Predicted, evaluation_of
from s2s_plugins.reports.heatmap import Alignment
from s2s_plugins.reports.training import Point, TrainingReport, plots, rows, write_report
from s2s_plugins.reports.training.advice import advice
from s2s_plugins.reports.training.forecasts import Forecasts, Panel, Stretch
from s2s_plugins.training.plan import end_of

VOID = ("meta", "br", "rect", "path", "use", "stop", "image")
BLOCKS = ("h1", "h2", "h3", "p", "strong", "li", "th", "td", "tr", "a", "text", "small")
SECTIONS = ["training", "curves", "errors", "length", "symbols", "calibration", "attention", "worst", "files"]
HISTORY = tuple(Point(100 * n, 6.0 * n, 3 / n, 4 / n, 100 / n, 1e-3) for n in range(1, 9))


def predicted(source, references, *guesses):
    return Predicted(source, tuple(references), tuple(Guess(*guess) for guess in guesses), len(source))


def scored(items=(), level="token"):
    """An evaluation of 60 sources, 20 of them wrong, and of ``items``."""
    right = [predicted(f"right{n}", ["A B C"], ("A B C", 0.5 + n / 100)) for n in range(40)]
    wrong = [predicted(f"wrong{n:02}", ["A B C"], ("A X C", 0.3 + n / 50), ("A B C", 0.1)) for n in range(20)]
    return evaluation_of([*right, *wrong, *items], level)


def alignment(source, output, reference):
    tokens, written = [*source, "</s>"], [*output, "</s>"]
    weights = np.random.default_rng(1).dirichlet(np.ones(len(tokens)), size=len(written))
    return Alignment(tokens, written, weights, reference)


def classes():
    items = [ClassItem(f"text {n}", "good" if n % 4 else "bad", "good", 0.5 + n / 100, 0.2) for n in range(40)]
    return class_evaluation_of(items, ["bad", "good", "never"])


class Reader(HTMLParser):
    """What a browser makes of a page: its tags, its links, and its text by section."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.section, self.texts, self.open = [], [], "head", {}, []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag in ("h2", "section"):
            self.section = dict(attributes)["id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.texts[self.section] = self.texts.get(self.section, "") + " " * (tag in BLOCKS)
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"] and self.open[-1:] != ["script"]:
            self.texts[self.section] = self.texts.get(self.section, "") + data

    def said(self, section):
        """The text of a section, with single spaces."""
        return " ".join(self.texts[section].split())


@pytest.fixture(scope="module")
def full():
    """A report with everything."""
    return TrainingReport(
        title="g2p: words.tsv",
        test=scored(),
        valid=scored([predicted("one", ["A"], ("B", 0.2))]),
        histories=[HISTORY],
        facts={"recipe": "attention_lstm", "precision": "bf16"},
        findings=["3 duplicates left out: words.tsv, line 3"],
        attention=[alignment("ab", ["A", "B"], ["A", "B"]), alignment("abc", ["A", "X"], ["A", "B"])],
    )


@pytest.fixture(scope="module")
def written(full, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(folder, full)
    return folder


def page_of(report, folder):
    write_report(folder, report)
    return Reader((folder / "report.html").read_text(encoding="utf-8"))


def test_the_page_has_every_part(written, full):
    page = Reader((written / "report.html").read_text(encoding="utf-8"))
    assert [name for name in page.texts if name not in ("head", "scores")] == SECTIONS
    head = page.said("scores")
    interval = full.test.error_interval
    assert "33.33 % of 60 sources of the test part are predicted wrong" in head
    assert f"lies between {interval.low:.2f} and {interval.high:.2f} %" in head
    assert f"on the validation part {full.valid.error_rate:.2f} %" in head
    assert "recipe attention_lstm precision bf16" in page.said("training")
    assert "words.tsv, line 3" in page.said("training")
    assert page.tags.count("svg") == 4 + 3 * len(full.attention)  # four plots; a heat map is three
    assert "wrong19 A X C A B C 0.68 0.10" in page.said("errors") and "20 of 20 errors" in page.said("errors")
    assert page.said("errors").index("wrong19") < page.said("errors").index("wrong00")
    assert "B 60 20 0 0 33.3 %" in page.said("symbols") and "B X 20" in page.said("symbols")
    assert "0.5–0.6" in page.said("calibration")
    assert "≠ not the reference" in page.said("attention") and "= the reference" in page.said("attention")
    assert "absent" not in dict(page.attributes).values()


def test_the_page_is_one_file_and_links_only_to_the_files_beside_it(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    page = Reader(text)
    links = {value for name, value in page.attributes if name in ("href", "src", "action") and value[0] != "#"}
    assert links == {"scores.json", "predictions.tsv", "errors.tsv"} and all((written / one).exists() for one in links)
    anchors = {value[1:] for name, value in page.attributes if name == "href" and value[0] == "#"}
    assert anchors <= set(SECTIONS)
    assert not re.search(r"url\((?!#|data:)|@import|https?://(?!www\.w3\.org/)", text)


def test_plots_are_xml_in_the_colours_of_the_page(written):
    plots = re.findall(r'<figure class="plot">(<svg.*?</svg>)', (written / "report.html").read_text(), re.DOTALL)
    ids = []
    for plot in plots:
        root = ElementTree.fromstring(plot)
        assert root.get("aria-label") and "currentColor" in plot and "var(--rule)" in plot
        assert not re.search("#010203|#040506|#070809|#ffffff|#000000", plot)
        ids += [one.get("id") for one in root.iter() if one.get("id")]
    assert len(plots) == 4 and len(ids) == len(set(ids))


def test_predictions_and_errors_are_tables(written, full):
    with (written / "predictions.tsv").open(encoding="utf-8", newline="") as file:
        predictions = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["source"] for row in predictions] == [item.source for item in full.test.items]
    assert sum(row["verdict"] == "wrong" for row in predictions) == full.test.wrong == 20
    assert predictions[0] == {
        "source": "right0",
        "prediction": "A B C",
        "probability": "0.5000",
        "verdict": "right",
        "references": "A B C",
    }
    with (written / "errors.tsv").open(encoding="utf-8", newline="") as file:
        errors = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["source"] for row in errors] == [f"wrong{n:02}" for n in reversed(range(20))]
    assert errors[0]["probability"] == "0.6800" and errors[0]["probability of the reference"] == "0.1000"


def test_an_error_has_the_log_probability_of_its_reference_where_it_was_not_predicted(tmp_path):
    items = [
        Predicted("a", ("A",), (Guess("B", 0.6, -0.5),), 1, -7.25),
        Predicted("b", ("A",), (Guess("B", 0.5),), 1),
        predicted("c", ["A"]),
    ]
    write_report(tmp_path, TrainingReport("x", test=evaluation_of(items, "token")))
    with (tmp_path / "errors.tsv").open(encoding="utf-8", newline="") as file:
        found = [list(row.values())[4:] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert found == [["", "-0.5000", "-7.2500"], ["", "", ""], ["", "", ""]]


def test_the_scores_have_all_figures(written, full):
    found = json.loads((written / "scores.json").read_text(encoding="utf-8"))
    assert found["scores"]["test"]["error_rate"] == full.test.error_rate
    assert found["scores"]["valid"]["wrong"] == 21
    assert found["histories"][0][1]["valid_error"] == 50 and found["findings"] == full.findings
    assert found["facts"] == full.facts


def test_a_number_that_json_lacks_is_null(tmp_path):
    history = [Point(1, 1.0, float("inf"), float("nan")), Point(2, 2.0, 1.0, 1.0)]
    write_report(tmp_path, TrainingReport("x", histories=[history]))
    found = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert found["histories"][0][0]["train_loss"] is None


def test_what_is_absent_is_named_with_the_reason(tmp_path):
    page = page_of(TrainingReport("five pairs", absent={"scores": "The data has 5 pairs."}), tmp_path)
    assert page.said("scores").startswith("No scores. The data has 5 pairs.")
    for section in ("length", "symbols", "calibration"):
        assert "The data has 5 pairs." in page.said(section)
    assert page.said("curves").endswith("No learning curves. The training left no record of its losses.")
    assert page.said("attention").endswith("No attention maps. No source was held out to show it on.")
    assert "errors" not in page.texts and not (tmp_path / "errors.tsv").exists()


def test_a_reason_begins_with_a_capital_letter_and_ends_with_a_stop(tmp_path):
    absent = {"scores": "there are too few", "attention": "none of it", "curves": "no part."}
    page = page_of(TrainingReport("x", absent=absent), tmp_path)
    assert page.said("scores").startswith("No scores. There are too few.")
    assert page.said("attention").endswith("No attention maps. None of it.")
    assert page.said("curves").endswith("No learning curves. No part.")


def test_scores_of_the_validation_part_say_that_they_chose_the_model(tmp_path):
    page = page_of(TrainingReport("no test", valid=scored()), tmp_path)
    assert "of 60 sources of the validation part" in page.said("scores")
    assert "There is no test part" in page.said("scores") and "by which this model was chosen" in page.said("scores")
    assert "of the validation part" in page.said("files")


def test_files_of_an_earlier_report_do_not_stay_beside_one_without_scores(written, tmp_path):
    write_report(tmp_path, TrainingReport("x", test=scored()))
    assert (tmp_path / "predictions.tsv").exists()
    write_report(tmp_path, TrainingReport("x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "scores.json"]


def test_a_model_that_makes_no_error_has_a_page(tmp_path):
    right = evaluation_of([predicted(f"w{n}", ["A"], ("A", 0.99)) for n in range(30)], "char")
    page = page_of(TrainingReport("perfect", test=right), tmp_path)
    assert "0.00 %" in page.said("scores")
    for section in ("errors", "symbols", "worst"):
        assert "every prediction is right" in page.said(section)


def test_a_classifier_has_classes_instead_of_symbols(tmp_path):
    page = page_of(TrainingReport("reviews.csv", test=classes()), tmp_path)
    assert "25.00 % of 40 texts" in page.said("scores")
    assert "bad 10 0 0.0 0.0 0.0 never 0 0 0.0 0.0 0.0 good 30 40 75.0 100.0 85.7" in page.said("classes")
    assert "symbols" not in page.texts and "length" not in page.texts
    assert "text 36 good bad 0.86 0.20" in page.said("errors")
    lines = (tmp_path / "errors.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[1].split("\t") == ["text 36", "good", "0.8600", "bad", "0.2000"] and len(lines) == 11


def forecasts(**changed):
    """Forecasts of three steps whose scores are ``changed``."""
    scores = {"mase": 0.8, "naive_mase": 1.0, "smape": 5.0, "naive_smape": 6.0, "coverage": 79.0, "nominal": 80.0}
    scores.update({"interval_score": 2.0, "by_step": (0.7, 0.8, math.nan), "by_target": {"y": 0.8}}, **changed)
    evaluation = ForecastEvaluation(targets=("y",), **{"origins": 40, "season": 7, **scores})
    times, values = np.arange(9), np.array([1.0, 2, math.nan, 4, 5, 6, 7, 8, 9])
    stretch = Stretch(times[6:], values[6:], values[6:] - 1, values[6:] + 1, values[3:6])
    hostile = Panel("<b>$x_1$</script>", times, values, [stretch])
    return Forecasts({"test": evaluation}, [hostile], ["series"], [["a\tb"]], [hostile], "forecast.csv")


def test_a_forecaster_is_shown_beside_the_seasonal_naive_method(tmp_path):
    (tmp_path / "errors.tsv").write_text("of an earlier model")
    page = page_of(TrainingReport("sales.csv", histories=[HISTORY], forecasts=forecasts()), tmp_path)
    assert page.said("scores").startswith("0.800 is the mean absolute scaled error (MASE) of 40 forecasts")
    assert "the values of the 7 steps before, has 1.000" in page.said("scores")
    assert "The error is 20 % lower" in page.said("scores") and "too " not in page.said("scores")
    assert list(page.texts)[2:] == ["training", "curves", "held-out", "steps", "next", "files"]
    assert "<b>$x_1$</script>" in page.said("held-out") and "b" not in page.tags
    assert page.tags.count("svg") == 5
    assert (tmp_path / "predictions.tsv").read_text() == "series\na b\n" and not (tmp_path / "errors.tsv").exists()
    found = json.loads((tmp_path / "scores.json").read_text())["scores"]["test"]
    assert found["mase"] == 0.8 and found["by_step"] == [0.7, 0.8, None]


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"mase": 1.2}, "The error is higher than that of the seasonal naive method"),
        ({"mase": 1.0}, "The error is no lower than that of the seasonal naive method"),
        ({"coverage": 50.0}, "it is too narrow"),
        ({"coverage": 99.0}, "it is too wide"),
        ({"origins": 3}, "Only 3 forecasts"),
        ({"season": 1}, "which repeats the last value,"),
    ],
)
def test_advice_about_forecasts_looks_at_the_figures(tmp_path, changed, said):
    plain = page_of(TrainingReport("x", forecasts=forecasts()), tmp_path)
    assert said not in plain.said("scores")
    assert said in page_of(TrainingReport("x", forecasts=forecasts(**changed)), tmp_path).said("scores")


def test_a_forecast_that_could_not_be_made_is_named_with_the_reason(tmp_path):
    report = TrainingReport("x", forecasts=Forecasts(why="column 'price' ends"), absent={"scores": "too short"})
    page = page_of(report, tmp_path)
    assert page.said("next").endswith("No forecast of what comes next. Column 'price' ends.")
    assert page.said("scores").startswith("No scores. Too short.")
    assert not (tmp_path / "predictions.tsv").exists()


def test_a_classifier_without_scores_has_no_symbols(tmp_path):
    page = page_of(TrainingReport("x", kind="classifier"), tmp_path)
    assert "symbols" not in page.texts and "length" not in page.texts


def test_members_have_a_curve_each(tmp_path):
    one = page_of(TrainingReport("x", histories=[HISTORY]), tmp_path)
    three = page_of(TrainingReport("x", histories=[HISTORY, HISTORY[:5], HISTORY[2:]]), tmp_path)
    assert "member 3" in three.said("curves") and "member 1" not in one.said("curves")
    short = page_of(TrainingReport("x", histories=[HISTORY[:1]]), tmp_path)
    assert short.tags.count("svg") == 2


HOSTILE = [
    predicted("<script>alert(1)</script>", ["<b>'\"&amp;"], ("{{ 7 * 7 }}</script>", 0.95)),
    predicted("x" * 10_000, ["y" * 10_000], ("z" * 9_000, 0.9)),
    predicted("مرحبا\tبالعالم\nx", ["a\r\nb\u2028c", "d\te"], ("\u202eevil", 0.85)),
    predicted("👩\u200d👧", ["서울"], ("서올", 0.8)),
    predicted("empty", ["x"], ("", 0.75)),
    predicted("too long", ["x"]),
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    report = TrainingReport(
        title="</title><script>alert(2)</script>" + "long" * 80,
        test=scored(HOSTILE, "char"),
        histories=[HISTORY],
        facts={"<i>": "</td><script>alert(3)</script>"},
        findings=["</li><img src=x onerror=alert(4)>"],
        attention=[alignment(["<b>", "ا", "👧"], ["</script>", "'"], ["x"])],
    )
    write_report(folder, report)
    return folder


def test_what_comes_from_the_data_is_text_and_nothing_else(hostile):
    text = (hostile / "report.html").read_text(encoding="utf-8")
    page = Reader(text)
    assert "img" not in page.tags and "b" not in page.tags
    assert page.tags.count("script") <= 3  # of the heat maps: code, data; and the fonts'
    assert "alert(1)" in page.said("errors") and "{{ 7 * 7 }}</script>" in page.said("errors")
    assert "x" * 300 not in text and "(10,000 characters)" in page.said("errors")
    assert not any(name.startswith("on") for name, _ in page.attributes)


def test_a_line_of_a_table_is_a_line_whatever_the_data_hold(hostile):
    for name, count, tabs in (("predictions.tsv", 66, 4), ("errors.tsv", 26, 6)):
        lines = (hostile / name).read_text(encoding="utf-8").splitlines()
        assert {line.count("\t") for line in lines} == {tabs} and len(lines) == 1 + count


def test_what_differs_is_marked_in_both():
    left, right = rows.marked("A X C".split(), "A B C D".split(), " ")
    assert [tuple(piece) for piece in left if piece.differs] == [("X", True)]
    assert "".join(piece.text for piece in left) == "A X C"
    assert [piece.text for piece in right if piece.differs] == ["B", "D"]
    assert "".join(piece.text for piece in right) == "A B C D"
    assert rows.marked(list("x" * 1000), list("y"), "")[0][0].differs is False


def test_the_table_of_confusions_has_counts_by_row():
    matrix = rows.symbol_matrix(scored([predicted("d", ["B D"], ("D", 0.2))]))
    by_name = dict(matrix.rows)
    row = dict(zip(matrix.columns, by_name["B"]))
    assert (row["X"].text, row["B"].text, row[rows.NONE].text) == ("20", "40", "1")
    assert row["X"].share == pytest.approx(20 / 61, abs=1e-3) and "20 of 61" in row["X"].title
    assert rows.symbol_matrix(evaluation_of([predicted("a", ["A"], ("A", 1.0))], "token")) is None


def test_advice_says_what_the_figures_mean():
    sure = [predicted(f"sure{n}", ["A"], ("A" if n % 10 else "B", 0.95)) for n in range(2000)]
    said = " ".join(advice(TrainingReport("x", test=evaluation_of(sure, "token"))))
    assert "100 % of the predictions have a probability of 0.9 or more, and 90.0 % of these are right" in said
    assert "known to about" not in said and "no test part" not in said
    said = " ".join(advice(TrainingReport("x", valid=scored())))
    assert "known to about ± 1" in said and "no test part" in said
    assert advice(TrainingReport("x")) == []


def test_advice_looks_at_the_figures():
    hopeless = [predicted(f"w{n}", ["A"], ("B", 0.01)) for n in range(100)]
    said = " ".join(advice(TrainingReport("x", test=evaluation_of(hopeless, "token"))))
    assert "the data is often wrong" not in said and "sure of none of its errors" in said
    assert "has learnt next to nothing" in said
    good = [predicted(f"w{n}", ["A"], ("A" if n % 10 else "B", 0.8)) for n in range(100)]
    said = " ".join(advice(TrainingReport("x", test=evaluation_of(good, "token"))))
    assert "the data is often wrong" in said and "next to nothing" not in said
    sure = [predicted(f"w{n}", ["A"], ("A" if n % 2 else "B", 0.95)) for n in range(100)]
    said = " ".join(advice(TrainingReport("x", test=evaluation_of(sure, "token"))))
    assert "they need a look too" in said and "--min-probability" not in said


def test_the_errors_of_an_unsure_model_are_not_called_mistakes_in_the_data(tmp_path):
    for probability, called in ((0.01, False), (0.8, True)):
        items = [predicted(f"w{n}", ["A"], ("B", probability)) for n in range(10)]
        page = page_of(TrainingReport("x", test=evaluation_of(items, "token")), tmp_path)
        assert ("mistakes in the data" in page.said("errors")) == called


def test_times_are_told_apart_in_the_unit_that_fits():
    assert plots.times_of([2.0, 4.0, 9.0]) == ("seconds", ["2", "4", "9"])
    assert plots.times_of([0.2, 0.4]) == ("seconds", ["0.2", "0.4"])
    assert plots.times_of([60, 120, 600]) == ("minutes", ["1", "2", "10"])
    assert plots.times_of([60, 90, 210]) == ("minutes", ["1.0", "1.5", "3.5"])
    assert plots.times_of([1200.0, 90000.0]) == ("minutes", ["20", "1,500"])


def test_how_members_ended_is_said_once():
    whys = [f"it is at its planned end; the weights are those of update {update}" for update in (80, 120)]
    assert end_of(whys) == "it is at its planned end; the weights are those of update 80, 120"
    assert end_of(whys[:1] * 3) == whys[0]
    assert end_of([whys[0], "it is late; the weights are those of update 4"]).startswith(f"model 1: {whys[0]}; model 2")


def test_a_browser_shows_the_page_on_any_screen_and_asks_nobody(hostile, written, tmp_path):
    write_report(tmp_path, TrainingReport("sales", histories=[HISTORY], forecasts=forecasts()))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        for folder in (written, hostile, tmp_path):
            for width, scheme in ((390, "dark"), (1200, "light")):
                page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
                asked, said = [], []
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                page.on("console", lambda message, said=said: said.append(message.text))
                page.on("pageerror", lambda error, said=said: said.append(str(error)))
                page.on("dialog", lambda dialog, said=said: (said.append(dialog.message), dialog.dismiss()))
                page.goto((folder / "report.html").as_uri())
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
                cut = """[...document.querySelectorAll("table.narrow")].filter(
                    one => one.parentElement.scrollWidth > one.parentElement.clientWidth).length"""
                assert page.evaluate(cut) == 0
                assert not said and all(url.startswith(("file:", "data:")) for url in asked)
                page.close()
        browser.close()
