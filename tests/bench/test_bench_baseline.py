"""Models stay within two percent of benchmarks/baseline.json, in every count."""

from pathlib import Path

import pytest
from support.boards import need
from support.bundles import make_bundle

from nonn_mcu import bundle
from nonn_mcu.bench import baseline
from nonn_mcu.bench.measure import bench
from nonn_mcu.bench.plain import PLAIN
from nonn_mcu.boards.runtime import NATIVE

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "baseline.json"
LONG = pytest.mark.long
WHERE = pytest.mark.parametrize(
    "board, runtime",
    [("mps2-an386", NATIVE), ("mps3-an547", NATIVE), pytest.param("mps2-an386", PLAIN, marks=LONG)],
    ids=["m4", "m55", "plain"],
)


def check(opened, board, runtime):
    known = baseline.read(FILE)
    found = bench(opened, need(board), layers=False, runtime=runtime)
    if known.compiler != baseline.compiler():
        pytest.skip(f"the baseline is of compiler {known.compiler}, this is {baseline.compiler()}")
    grown = [change for change in baseline.compare(known, [found]) if change.grew]
    assert not grown, "write it with: python benchmarks/check.py --update, if this is on purpose"


@pytest.mark.parametrize("name", ["ad01", "ic01", "kws01", "vww01"])
@WHERE
def test_no_count_of_an_mlperf_tiny_model_grew(name, board, runtime, converted):
    need(board)
    check(bundle.read(converted(name)), board, runtime)


@WHERE
def test_no_count_of_the_small_bundle_grew(board, runtime, tmp_path):
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    check(make_bundle(tmp_path / "pocket"), board, runtime)
