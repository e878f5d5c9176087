"""Time on a link, from the bits of its frames."""

import pytest

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.compare.links import parse, parse_rate, seconds

# Link, bytes of the messages, bits on the wire, bits a second.
TIMES = [
    ("uart:115200", [1], 10, 115_200),
    ("uart:1M", [100, 28], 1280, 1_000_000),
    ("uart:9600", [], 0, 9600),
    ("uart:9600", [0, 3, 0], 30, 9600),
    # 47 bits around 64 of data, and one stuffed after each 4 of the 97 that can be: Davis et al. say 135
    ("can:1M", [8], 135, 1_000_000),
    ("can:500k", [1], 47 + 8 + 41 // 4, 500_000),
    ("can:500k", [20], 135 + 135 + 47 + 32 + 65 // 4, 500_000),
    # the shortest frame on the wire is 84 bytes, the longest 1538
    ("ethernet:100M", [1], 84 * 8, 100_000_000),
    ("ethernet:100M", [46, 47], (84 + 85) * 8, 100_000_000),
    ("ethernet:1G", [1500], 1538 * 8, 1_000_000_000),
    ("ethernet:1G", [1501], (1538 + 84) * 8, 1_000_000_000),
    ("own:250k", [127], 127 * 8, 250_000),
    ("own:250k,10", [127], 1270, 250_000),
    ("own:250k,8,48", [100, 100], 2 * 848, 250_000),
    ("own:250k,8,48,100", [250], 3 * 48 + 2000, 250_000),
]


@pytest.mark.parametrize(("text", "messages", "bits", "rate"), TIMES)
def test_seconds(text, messages, bits, rate):
    link = parse(text)
    assert (link.name, link.bits_per_second) == (text, rate)
    assert seconds(link, messages) == bits / rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("115200", 115_200),
        ("500k", 500_000),
        ("1.5M", 1_500_000),
        ("80MHz", 80_000_000),
        ("2Gbit/s", 2 * 10**9),
    ],
)
def test_a_rate(text, rate):
    assert parse_rate(text, "--clock") == rate


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "0k", "M", "1m", "80 MHz Hz", "1e6", "\u0661", "9" * 13, "nan"]
)
def test_no_rate(text):
    with pytest.raises(BadInput, match="--clock"):
        parse_rate(text, "--clock")


@pytest.mark.parametrize(
    "text",
    [
        "", "uart", "uart:", "uart:fast", "usb:12M", ":1M", "can:1M,8", "own", "own:", "own:1M,", "own:1M,0",
        "own:1M,-8", "own:1M,8,1,2,3", "own:1M,8,²", "own:1M," + "9" * 5000,
    ],
)  # fmt: skip
def test_no_link(text):
    with pytest.raises(BadInput) as error:
        parse(text)
    assert repr(text) in str(error.value) and "\n" not in str(error.value)
