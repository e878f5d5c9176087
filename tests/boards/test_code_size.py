"""The table of code sizes that a budget is planned with is what the compiler makes."""

from measure_code_size import measure
from support.boards import need

from nonn_mcu import budget

TOLERANCE = 0.05
SMALL = 32  # bytes; 5 % of a tiny function is nothing


def test_the_table_is_what_the_compiler_makes(tmp_path):
    need("mps2-an386")
    measured, table = measure(tmp_path), budget.code_sizes()
    advice = "run: python tests/boards/measure_code_size.py"
    for part in ("kernels", "fixed"):
        assert measured[part].keys() == table[part].keys(), advice
        for name, size in measured[part].items():
            assert abs(size - table[part][name]) <= max(SMALL, TOLERANCE * size), f"{name}: {advice}"
