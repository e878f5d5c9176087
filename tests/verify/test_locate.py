"""Which port holds the device: none, one or several of them."""

from types import SimpleNamespace

import pytest

from nonn_mcu.errors import LinkTimeout, NoDevice
from nonn_mcu.verify.locate import Answer, only_device

HELLO = SimpleNamespace(model="pocket", board="host")
SILENT = Answer("/dev/s", "a modem", None, LinkTimeout("/dev/s: no answer in 5.0 s"))


def there(port):
    return Answer(port, "", HELLO, None)


def test_the_only_one_is_taken():
    assert only_device([SILENT, there("/dev/a")]) == "/dev/a"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([], "no serial port is there"),
        ([SILENT], "no device answers (/dev/s: no answer in 5.0 s)"),
        ([there("/dev/a"), SILENT, there("/dev/b")], "2 devices answer: /dev/a (pocket on host), /dev/b"),
    ],
)
def test_none_or_several_is_no_device_and_says_what_was_tried(answers, words):
    with pytest.raises(NoDevice) as caught:
        only_device(answers)
    assert words in str(caught.value) and "--port" in str(caught.value)
