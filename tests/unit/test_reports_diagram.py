"""Pictures of decoders: their arrows and words follow what the decoder's code says it sees."""

import importlib.util
import re
from xml.etree import ElementTree

import pytest
from conftest import REPOSITORY, build_model, dictionary, translation_task

from s2s_plugins.reports.diagram import FEED, PALE, SOURCE, STATE, TOKEN, Diagram, diagram_of, draw

SVG = "{http://www.w3.org/2000/svg}"
BIDIRECTIONAL = {"encoder_bidirectional": True}


def picture(*diagrams):
    return ElementTree.fromstring(draw(diagrams))


def arrows(svg, colour, dashed=False):
    """How many arrows of a colour there are."""
    lines = [line for line in svg.iter(f"{SVG}polyline") if line.get("stroke") == colour and line.get("marker-end")]
    return sum((line.get("stroke-dasharray") is not None) == dashed for line in lines)


def lines(svg):
    return ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("arch", "flags", "said", "token", "source", "states", "asked"),
    [
        ("basic_lstm", {}, ["a step reads C", "its output sees st", "it starts from zeros"], 0, 3, 5, 1),
        (
            "feedback_lstm",
            {},
            ["a step reads yt−1", "its output sees st", "it starts from the encoder's last state"],
            3,
            0,
            5,
            0,
        ),
        (
            "peek_lstm",
            {},
            [
                "a step reads yt−1 and C",
                "its output sees st, yt−1 and C",
                "it starts from a layer over the encoder's states",
            ],
            6,
            6,
            5,
            0,
        ),
        # the first of three steps asks with a state that is not in the picture
        ("attention_lstm", BIDIRECTIONAL, ["a step reads yt−1 and ct", "its output sees st, yt−1 and ct"], 6, 9, 5, 2),
        (
            "attention_lstm",
            {"attention_timing": "after"},
            ["a step reads yt−1", "its output sees ct and st", "it starts from the encoder's last state"],
            3,
            6,
            5,
            3,
        ),
    ],
)
def test_arrows_and_words_are_what_the_decoder_sees(arch, flags, said, token, source, states, asked):
    diagram = diagram_of("its name", build_model(arch, **flags))
    svg = picture(diagram)
    assert set(said) <= set(lines(svg)) and "its name" in lines(svg)
    assert (arrows(svg, TOKEN), arrows(svg, SOURCE), arrows(svg, STATE), arrows(svg, FEED)) == (
        token,
        source,
        states,
        0,
    )
    assert arrows(svg, STATE, dashed=True) == asked
    assert arrows(svg, SOURCE, dashed=True) == (diagram.start != "zeros")


def test_input_feeding_goes_from_an_output_to_the_next_step_and_is_explained_where_it_is():
    fed = picture(diagram_of("fed", build_model("attention_lstm", attention_timing="after", input_feeding=True)))
    plain = picture(diagram_of("plain", build_model("attention_lstm", attention_timing="after")))
    assert arrows(fed, FEED) == 2 and "a step reads yt−1 and at−1" in lines(fed)
    assert any(line.startswith("a: ") for line in lines(fed)) and not any(
        line.startswith("a: ") for line in lines(plain)
    )
    hard = diagram_of("plain", build_model("attention_lstm", attention_timing="after", attention_alignment="hard"))
    assert draw([hard]) == draw([diagram_of("plain", build_model("attention_lstm", attention_timing="after"))])


def test_fairseq_s_lstm_is_drawn_too_and_a_model_of_another_kind_is_not():
    task = translation_task(dictionary(), dictionary())
    sizes = dict(decoder_out_embed_dim=8, encoder_layers=1, decoder_layers=1, criterion="cross_entropy")
    with_attention = diagram_of("lstm", build_model("lstm", task, decoder_attention="1", **sizes))
    assert with_attention == Diagram("lstm", ("token", "feed"), ("context", "hidden"), "copy")
    without = diagram_of("lstm", build_model("lstm", task, decoder_attention="0", encoder_bidirectional=True, **sizes))
    assert without == Diagram("lstm", ("token", "feed"), ("hidden",), "dense")
    tiny = dict(encoder_ffn_embed_dim=8, encoder_attention_heads=2, decoder_attention_heads=2, encoder_embed_dim=8)
    assert diagram_of("other", build_model("transformer", task, decoder_embed_dim=8, **tiny)) is None


def test_nothing_leaves_the_picture():
    diagrams = [diagram_of("x", build_model(arch)) for arch in ("basic_lstm", "peek_lstm", "attention_lstm")]
    svg = picture(*diagrams, Diagram("four", ("token", "feed"), ("context", "hidden"), "copy"))
    width, height = (float(svg.get(side)) for side in ("width", "height"))
    assert (width, svg.get("viewBox")) == (900, f"0 0 {width:g} {height:g}")
    for panel in svg.iter(f"{SVG}g"):
        left, top = map(float, re.fullmatch(r"translate\((\S+) (\S+)\)", panel.get("transform")).groups())
        for line in panel.iter(f"{SVG}polyline"):
            for x, y in (map(float, point.split(",")) for point in line.get("points").split()):
                assert 0 <= x <= 300 and 0 <= y <= 318 and left + x <= width and top + y <= height
    assert {line.get("fill") for line in svg.iter(f"{SVG}tspan")} <= {TOKEN, SOURCE, STATE, FEED, PALE}


def test_the_readme_s_picture_is_of_this_code(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("draw_decoders", REPOSITORY / "scripts" / "draw_decoders.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.main(["--out", str(tmp_path / "new.svg")]) == 0
    remedy = "run scripts/draw_decoders.py"
    assert script.PICTURE.read_text(encoding="utf-8") == (tmp_path / "new.svg").read_text(encoding="utf-8"), remedy
    assert f"]({script.PICTURE.relative_to(REPOSITORY).as_posix()})" in (REPOSITORY / "README.md").read_text()
    assert "drawn: " in capsys.readouterr().out
