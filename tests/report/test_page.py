"""The page holds the figures, is well-formed and the same each time, and nothing in it acts."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from support.pages import HOSTILE, hostile

from nonn_mcu import bundle
from nonn_mcu.errors import BadInput
from nonn_mcu.manifest import Calibration
from nonn_mcu.report.drawing import inline
from nonn_mcu.report.figures import read as read_figures
from nonn_mcu.report.page import of_bundle

HTML = "{http://www.w3.org/1999/xhtml}"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg">%s</svg>'


def parsed(page: bytes) -> ElementTree.Element:
    assert page.startswith(b"<!DOCTYPE html>\n")
    return ElementTree.fromstring(page)


def table(root, label):
    (box,) = (one for one in root.iter(f"{HTML}div") if one.get("aria-label") == label)
    return [["".join(cell.itertext()) for cell in row] for row in box.iter(f"{HTML}tr")]


def test_the_layers_table_has_the_figures_of_the_manifest(values):
    head, *rows, total = table(parsed(values.page), "Layers")
    assert len(rows) == len(values.manifest.layers)
    for number, (row, layer) in enumerate(zip(rows, values.manifest.layers, strict=True)):
        assert len(row) == len(head) == len(total)
        cells = dict(zip(head, row, strict=True))
        assert (cells["#"], cells["operator"], cells["kernel"]) == (str(number), layer.op, layer.kernel)
        assert cells["layer"] == layer.name + layer.module
        assert cells["output"] == " \u00d7 ".join(map(str, layer.shape[1:]))
        assert (cells["MACs"], cells["flash, B"]) == (f"{layer.macs:,}", f"{layer.flash_bytes:,}")
        assert cells["RAM in use, B"] == f"{layer.live_bytes:,}"
        assert cells["SQNR, dB"] == f"{40.5 - 3 * number:.1f}"
        assert cells["saturated"] == ("0", "1.2%", "2.5%")[number] and cells["range used"] == "75%"
        assert cells["weights"] == "-2.5 … 2.25"
        assert cells["device 1"] == "equal"
    last = [row[head.index("device 2")] for row in rows]
    assert last == ["equal", "differs, 17 values by up to 3 LSB", "after the first that differs"]


def test_budget_steps_and_provenance(values):
    root = parsed(values.page)
    (_, flash, ram) = table(root, "Budget")
    assert flash[:5] == ["flash", "612,345", "500,000", "122.5%", "over by 112,345"]
    assert ram[:5] == ["RAM", "9,000", "none", "\u2013", "fits"]
    assert table(root, "Quantisation steps")[1:] == [
        ["stock", "31.00", "97.0%", "yes"],
        ["clean ranges", "32.50", "98.0%", "yes"],
        ["bias correction", "32.25", "98.0%", "no"],
    ]
    text = " ".join("".join(root.itertext()).split())
    manifest = values.manifest
    for part in (manifest.command, manifest.model_sha256, manifest.calibration.sha256, "torch 2.13.0"):
        assert part in text
    assert "256 samples of digits" in text and "33.2 dB" in text and "98.5 %" in text
    assert "123,456 instructions per inference" in text and values.notes[0] in text
    assert text.count("18 of 20 vectors are the oracle's to the bit") == 1


def test_the_worst_samples_are_those_of_the_smallest_sqnr(values):
    from nonn_mcu.verify.fidelity import dequantize, sqnr_db

    (exact,), (held,) = values.vectors.references, values.vectors.outputs
    real = dequantize(held, values.manifest.outputs[0])
    ratios = sorted((sqnr_db(exact[i], real[i]), i) for i in range(len(exact)))
    root = parsed(values.page)
    titles = [card.find(f"{HTML}h3").text for card in root.iter(f"{HTML}article")]
    assert titles == [f"Vector {i}: {ratio:.1f} dB" for ratio, i in ratios[:4]]
    rows = table(root, f"Output of vector {ratios[0][1]}")
    vector = ratios[0][1]
    assert [row[0] for row in rows[1:]] == ["0 cat", "1 dog", "2 frog", "3 horse", "4 ship"]
    assert [row[3] for row in rows[1:]] == [str(q) for q in held[vector]]
    assert [float(row[1]) for row in rows[1:]] == pytest.approx(exact[vector].tolist(), rel=1e-3)


def test_a_picture_is_the_sample_in_pixels(values):
    import base64
    import io

    import numpy as np
    from PIL import Image

    from nonn_mcu.report.worst import worst
    from nonn_mcu.verify.fidelity import dequantize

    (first, *_) = worst(values.manifest, values.vectors)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(first.picture.partition(",")[2]))))
    real = dequantize(values.vectors.inputs[0][first.vector], values.manifest.inputs[0])
    assert pixels.shape == (6, 5, 3)
    assert np.abs(pixels - np.clip(255 * (0.25 * real + 0.5), 0, 255)).max() <= 0.5 + 1e-6
    flat = values.but({"preprocessing": values.manifest.preprocessing.model_copy(update={"layout": "FLAT"})})
    assert worst(flat.manifest, flat.vectors)[0].picture is None


def test_hostile_names_are_text_and_nothing_else(values):
    tame, wild = parsed(values.page), parsed(hostile(values).page)
    assert [one.tag for one in wild.iter()] == [one.tag for one in tame.iter()]
    assert [sorted(one.attrib) for one in wild.iter()] == [sorted(one.attrib) for one in tame.iter()]
    shown = HOSTILE.replace("\x00", "\ufffd").replace("\u202e", "\ufffd")
    assert "".join(wild.itertext()).count(shown) > 40
    assert "\u202e" not in "".join(wild.itertext())


def test_nothing_on_the_page_acts_or_loads(values):
    for one in parsed(values.page).iter():
        assert one.tag.partition("}")[2] not in {"script", "iframe", "object", "embed", "form", "base"}
        for name, value in one.attrib.items():
            assert not name.startswith("on"), name
            if name in ("src", "href"):
                assert re.match(r"#|data:", value), value


def test_the_same_values_give_the_same_bytes(values):
    turned = dict(reversed(values.manifest.tools.items()))
    assert values.page == values.but({"tools": turned}).page


def test_a_ready_model_has_no_float_network(values):
    bare = values.figures.model_copy(update={"samples": 0, "layers": (None,) * 3})
    page = values.but(
        {"fidelity": None, "calibration": None, "quantisation": (), "command": ""},
        figures=bare,
        vectors=replace(values.vectors, references=()),
    ).page
    root = parsed(page)
    text = " ".join("".join(root.itertext()).split())
    assert "a ready int8 model has no float network to compare its layers with" in text
    assert "the bundle's vectors have no float reference" in text and "commandnot recorded" in text
    assert "SQNR, dB" not in table(root, "Layers")[0] and "weights" in table(root, "Layers")[0]
    assert not [one for one in root.iter() if one.get("id") == "steps"]


@pytest.mark.parametrize("source", ["noise", "stats", "dream", "digits"])
def test_samples_of_no_data_set_are_called_so(values, source):
    made = Calibration(source=source, samples=128, sha256="ab" * 32)
    short = values.but({"calibration": made, "quantisation": ()}, figures=None, devices=())
    assert ("of no data set" in short.page.decode()) == (source != "digits")


def test_a_bundle_without_figures_has_a_page_too(bundled):
    root = parsed(of_bundle(bundled, ()))
    assert "SQNR, dB" not in table(root, "Layers")[0]
    assert [one for one in root.iter() if one.get("id") == "memory"]


@pytest.mark.parametrize(
    "inside",
    [
        b"<script>alert(1)</script>",
        b'<rect onload="alert(1)"/>',
        b'<rect fill="url(http://x)"/>',
        b'<rect style="fill:red"/>',
        b'<a href="http://x"><text>x</text></a>',
        b"<foreignObject/>",
        b"<image/>",
        b"<rect>",
    ],
)
def test_a_drawing_that_does_more_than_draw_is_refused(inside):
    with pytest.raises(BadInput, match=r"^bundle/arena\.svg: .*run convert again"):
        inline(SVG % inside, "bundle/arena.svg")


def test_a_drawing_is_markup_with_its_text(bundled):
    drawn = inline((bundled.path / "arena.svg").read_bytes(), "arena.svg")
    assert inline(drawn.encode(), "again") == drawn
    assert f"peak, dashed: {max(bundled.manifest.native['dsp'].live_bytes):,} B in use" in drawn
    assert inline(SVG % b"<title>a &lt;b&gt;</title>", "") == (
        '<svg xmlns="http://www.w3.org/2000/svg"><title>a &lt;b&gt;</title></svg>'
    )


def test_a_converted_bundles_page_can_be_written_again(converted):
    """What convert wrote is what the bundle alone gives, so that verify adds to the same page."""
    made = bundle.read(converted("digits"))
    page = (made.path / "report.html").read_bytes()
    assert of_bundle(made, ()) == page
    root = parsed(page)
    head, *rows, _ = table(root, "Layers")
    found = read_figures(made.path, len(rows))
    assert found.samples == 32 and all(found.layers)
    assert [row[head.index("SQNR, dB")] for row in rows] == [f"{one.sqnr_db:.1f}" for one in found.layers]
    assert found.layers[-1].sqnr_db == pytest.approx(made.manifest.fidelity.sqnr_db[0], abs=2)
    assert len(table(root, "Quantisation steps")) - 1 == len(made.manifest.quantisation)
