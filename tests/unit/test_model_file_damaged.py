"""A model file that is not sound, or that no reader takes, is refused in one line."""

import copy
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from test_model_file import BACKENDS, checkpoint, save_all

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.facts import About
from s2s_plugins.inference.files.model_file import FORMAT, KEY, read_model_file
from s2s_plugins.inference.load import opened
from s2s_plugins.models.saving import model_of


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_all(tmp_path_factory.mktemp("models"))


def header_of(path):
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def rebuilt(folder, header, data, name="bad"):
    text = json.dumps(header).encode()
    (folder / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder / f"{name}.safetensors"


def changed(path, folder, change):
    """A copy of a model file whose metadata ``change`` has changed."""
    header, data = header_of(path)
    values = json.loads(header["__metadata__"][KEY])
    change(values)
    header["__metadata__"][KEY] = json.dumps(values)
    return rebuilt(folder, header, data)


def test_a_newer_format_says_which_release_reads_it(saved, tmp_path):
    def newer(values):
        values["format"] = FORMAT + 1
        values["about"]["written_by"] = "9.1.0"

    with pytest.raises(
        UsageError, match=f"is of format {FORMAT + 1}, this release reads {FORMAT}: install s2s-plugins 9.1.0"
    ):
        read_model_file(changed(saved["peek_lstm"], tmp_path, newer))


def test_files_that_are_none_are_named(saved, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        read_model_file(tmp_path / "no.safetensors")
    (tmp_path / "dir.safetensors").mkdir()
    with pytest.raises(UsageError, match="is no regular file"):
        read_model_file(tmp_path / "dir.safetensors")
    header, data = header_of(saved["peek_lstm"])
    del header["__metadata__"]
    with pytest.raises(UsageError, match="is no model of s2s_plugins"):
        read_model_file(rebuilt(tmp_path, header, data))
    for content in (b"", b"\x00" * 7, b"PK\x03\x04" + bytes(90), struct.pack("<Q", 2**62) + b"{}", b"\xff" * 64):
        (tmp_path / "bad.safetensors").write_bytes(content)
        with pytest.raises(UsageError, match="bad.safetensors is damaged, or no model file"):
            read_model_file(tmp_path / "bad.safetensors")


def test_every_byte_that_is_cut_or_flipped_is_noticed_or_harmless(saved, tmp_path):
    whole, bad = saved["attention_lstm"].read_bytes(), tmp_path / "bad.safetensors"
    draw = np.random.default_rng(1)
    for length in draw.integers(0, len(whole), 40):
        bad.write_bytes(whole[:length])
        with pytest.raises(UsageError, match="bad.safetensors"):
            read_model_file(bad)
    for place in draw.integers(0, len(whole), 150):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(draw.integers(8))
        bad.write_bytes(flipped)
        try:
            opened(read_model_file(bad), "torch")
        except UsageError as error:
            assert "bad.safetensors" in str(error)


def places(values, path=()):
    """The way to every value in nested lists and objects; of long lists the first two."""
    yield path
    if isinstance(values, dict):
        for name, item in values.items():
            yield from places(item, (*path, name))
    if isinstance(values, list):
        for place, item in enumerate(values[:2]):
            yield from places(item, (*path, place))


NOTHING = object()
WRONG = [None, -1, 10**9, 10**30, 1.5, float("nan"), "", "\ud800", "../../etc/passwd", True, [], {}, [[]], NOTHING]


@pytest.mark.parametrize("name", ["attention_lstm", "sa_lstm-classifier"])
def test_a_value_of_the_metadata_that_lies_is_refused_or_harmless(saved, tmp_path, name):
    header, data = header_of(saved[name])
    values = json.loads(header["__metadata__"][KEY])
    ways = [way for way in places(values) if way and way[0] != "graphs"]
    draw = np.random.default_rng(2)
    tried = refused = 0
    for way in ways:
        for wrong in [WRONG[place] for place in draw.choice(len(WRONG), 4, replace=False)]:
            lying = copy.deepcopy(values)
            inner = lying
            for step in way[:-1]:
                inner = inner[step]
            if wrong is NOTHING:
                del inner[way[-1]]
            else:
                inner[way[-1]] = wrong
            header["__metadata__"][KEY] = json.dumps(lying)
            tried += 1
            try:
                opened(read_model_file(rebuilt(tmp_path, header, data)), "torch")
            except UsageError as error:
                refused += 1
                assert "bad.safetensors" in str(error) and "\n" not in str(error), (way, wrong)
    assert refused > 0.7 * tried > 100


@pytest.mark.parametrize("sizes", [{"hidden_size": 10**9}, {"layers": 10**9}, {"layers": 3}, {"embed_dim": 0}])
def test_sizes_that_are_not_those_of_the_weights_allocate_nothing(saved, tmp_path, sizes):
    def lie(values):
        values["members"][0]["settings"]["encoder"].update(sizes)

    with pytest.raises(UsageError, match="is damaged"):
        opened(read_model_file(changed(saved["attention_lstm"], tmp_path, lie)), "torch")


def test_symbols_and_labels_are_as_many_as_the_model_and_its_graphs_have(saved, tmp_path):
    def fails(name, change, match):
        with pytest.raises(UsageError, match=match):
            read_model_file(changed(saved[name], tmp_path, change))

    fails(
        "peek_lstm",
        lambda values: values["translator"]["target"]["symbols"].pop(),
        r"members\[0\] is damaged, it has 15 target symbols, its settings 16",
    )
    fails(
        "sa_lstm-classifier",
        lambda values: values["classifier"]["labels"].append("x"),
        "it has 3 labels, its settings 2",
    )

    def both(values):
        values["translator"]["target"]["symbols"].pop()
        values["members"][0]["settings"]["tokens"]["target_size"] -= 1

    fails("peek_lstm", both, "is damaged, its graphs have other target symbols")


def test_a_weight_of_another_shape_type_or_name_is_named(saved, tmp_path):
    def fails(change, match):
        header, data = header_of(saved["peek_lstm"])
        change(header)
        with pytest.raises(UsageError, match=match):
            read_model_file(rebuilt(tmp_path, header, data))

    weight = "0.encoder.embed_tokens.weight"
    fails(
        lambda header: header[weight].update(shape=header[weight]["shape"][::-1]), "encoder.embed_tokens.weight of mem"
    )
    fails(
        lambda header: header.update({"1.x": header.pop(weight)}),
        "the weight encoder.embed_tokens.weight of member 0 is None",
    )
    fails(lambda header: header[weight].update(dtype="I32"), "encoder.embed_tokens.weight is of type I32")
    fails(lambda header: header[weight].update(shape=[2**40, 2**40]), "is damaged, or no model file")


def test_what_no_reader_takes_is_not_written(tmp_path):
    for said in ({"figures": {"PER": float("nan")}}, {"data": "caf\udce9"}, {"licence": "\ud800"}):
        with pytest.raises(UsageError, match="give a number|is no UTF-8 text"):
            model_of([checkpoint("peek_lstm")], **said)
    model = model_of([checkpoint("peek_lstm")])
    with pytest.raises(UsageError, match="about.architecture cannot be 7"):
        replace(model, about=About(7)).write(tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_symbols_that_would_end_a_line_and_unknown_fields_are_refused(saved, tmp_path):
    def bad(change, match):
        with pytest.raises(UsageError, match=match):
            s2s_plugins.load(changed(saved["peek_lstm"], tmp_path, change))

    bad(lambda values: values["translator"]["target"]["symbols"].__setitem__(0, "Z\nfake\tX"), "is no token")
    bad(lambda values: values.update(more=1), "has fields that no release writes")
    bad(lambda values: values.update(format=0), "has fields that no release writes")
    bad(lambda values: values["members"][0].update(more=1), "has not settings and graphs")


def test_a_weight_that_is_not_finite_is_named(saved, tmp_path):
    header, data = header_of(saved["peek_lstm"])
    begin, _ = header["0.decoder.output_layer.bias"]["data_offsets"]
    lying = bytearray(data)
    lying[begin : begin + 4] = struct.pack("<f", float("inf"))
    for backend in BACKENDS:
        with pytest.raises(UsageError, match="the weight decoder.output_layer.bias has numbers that are not finite"):
            s2s_plugins.load(rebuilt(tmp_path, header, bytes(lying)), backend)
