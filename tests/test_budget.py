"""The budget: sizes as text, limits to the byte, and a plan that the linked ELF confirms."""

from dataclasses import dataclass

import pytest
from support.boards import need

from nonn_mcu import budget
from nonn_mcu.boards.build import build
from nonn_mcu.boards.elf import Sizes, measure
from nonn_mcu.codegen import generate
from nonn_mcu.errors import BadInput
from nonn_mcu.report import budget_report


@dataclass(frozen=True)
class Layer:
    name: str
    kernel: str
    flash_bytes: int
    live_bytes: int


LAYERS = (Layer("stem", "conv_2d", 1_000, 9_000), Layer("head", "fully_connected", 6_000, 400))


def plan(**changes):
    fields = {"weights": 6_800, "tables": 200, "arena": 9_000, "flash_limit": None, "ram_limit": None}
    return budget.plan(LAYERS, **(fields | changes))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500KB", 500_000),
        ("500kB", 500_000),
        ("500 kb", 500_000),
        (" 64KiB ", 65_536),
        ("1MB", 1_000_000),
        ("1MiB", 1_048_576),
        ("4096B", 4096),
        ("1b", 1),
        ("0.5MB", 500_000),
        ("1.5KiB", 1536),
    ],
)
def test_sizes(text, size):
    assert budget.parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "500",
        "KB",
        "-1KB",
        "0KB",
        "1e3B",
        "1.5B",
        "500 GB",
        "500KBs",
        "\u0665KB",
        "1,000B",
        "nan",
        "9" * 99 + "B",
    ],
)
def test_what_is_no_size_is_refused_with_an_example(text):
    with pytest.raises(BadInput, match=r"^size .*: (give a number and a unit, like 500KB|not a whole)"):
        budget.parse_size(text)


@pytest.mark.parametrize(("spare", "fits"), [(1, True), (0, True), (-1, False)])
@pytest.mark.parametrize("resource", ["flash", "ram"])
def test_exactly_at_the_limit_fits_and_one_byte_more_does_not(resource, spare, fits):
    needed = getattr(plan(), resource)
    info = plan(**{f"{resource}_limit": needed + spare})
    assert (budget.overrun(info) is None) == fits
    assert bool(budget.advice(info, LAYERS)) != fits
    if not fits:
        assert "1 B too many" in str(budget.overrun(info))


def test_the_plan_adds_up():
    info = plan()
    assert info.flash == info.weights + info.tables + info.code
    assert info.ram == info.arena + info.static + info.stack
    kernels = budget.code_sizes()["kernels"]
    assert info.code > kernels["conv_2d"] + kernels["fully_connected"]


def test_a_kernel_is_counted_once_and_an_unknown_one_as_the_largest():
    def code(*kernels):
        layers = [Layer("x", kernel, 0, 0) for kernel in kernels]
        return budget.plan(layers, weights=0, tables=0, arena=0).code

    sizes = budget.code_sizes()["kernels"]
    again = code("add", "add") - code("add")
    assert 0 < again < 100
    assert code("add", "softmax") - code("add", "add") == sizes["softmax"]
    assert code("add", "brand_new") - code("add", "add") == max(sizes.values())


def test_advice_names_the_largest_layers_and_how_much_narrower_fits():
    info = plan(weights=800_000, flash_limit=500_000)
    text = "\n".join(budget.advice(info, LAYERS))
    room = 500_000 - (info.flash - 800_000)
    factor = float(text.partition("multiply every width by ")[2].split()[0])
    assert 0.75 < factor < 0.8
    assert factor**2 * 800_000 <= room
    assert "head (6,000 B" in text.splitlines()[0]
    assert "split it over 2 devices" in text
    assert "no network of this shape fits" in "\n".join(budget.advice(plan(flash_limit=1_000), LAYERS))
    assert "peak is at stem (9,000 B live)" in "\n".join(budget.advice(plan(ram_limit=9_000), LAYERS))


def test_the_refusal_shows_layers_summary_and_help():
    text = budget_report.refusal(plan(flash_limit=7_000, ram_limit=20_000), LAYERS)
    assert [line.split()[:3] for line in text.splitlines()[:3]] == [
        ["#", "layer", "kernel"],
        ["0", "stem", "conv_2d"],
        ["1", "head", "fully_connected"],
    ]
    assert "over by" in text
    assert "fits" in text
    assert "What would help:" in text
    assert max(len(line) for line in text.splitlines()) <= 130


def test_a_firmware_is_held_to_what_it_is():
    parts = {"engine": 1, "model": 7_500, "device": 2, "library": 3, "port": 4, "data": 5, "other": 6}
    sizes = Sizes(**parts, arena=100, static=20, stack=3)
    info = budget.of_firmware(sizes, plan(), 7_520, 123)
    assert (info.flash, info.ram, info.code) == (7_521, 123, 521)
    assert budget.overrun(info) == "over budget: flash 7,521 B of 7,520 B, 1 B too many"
    assert budget_report.parts(sizes).splitlines()[2].split() == ["weights,", "tables,", "names", "7,500"]


@pytest.mark.parametrize(
    "name",
    ["ic01", *(pytest.param(name, marks=pytest.mark.long) for name in ("kws01", "vww01", "ad01"))],
)
def test_the_plan_is_what_the_linker_makes(name, data_dir, tmp_path):
    """Within 2 % of flash and never under; RAM to the byte."""
    need("mps2-an386")
    made = generate((data_dir / "mlperf-tiny" / f"{name}_int8.tflite").read_bytes(), name)
    for path, text in made.files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    sizes = measure(build(tmp_path, need("mps2-an386")).path)
    info = budget.plan(
        made.reference.layers,
        weights=made.reference.weights_bytes,
        tables=made.reference.table_bytes,
        arena=made.reference.plan.arena_bytes,
    )
    assert sizes.flash <= info.flash <= 1.02 * sizes.flash
    assert sizes.ram == info.ram
