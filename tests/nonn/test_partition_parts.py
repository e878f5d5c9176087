"""The parts file is written the same each time, read with suspicion, and belongs to one teacher."""

import json
import re
from types import SimpleNamespace

import pytest

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn import parts as parts_file

GOOD = {
    "format": "nonn-mcu-parts",
    "version": 1,
    "teacher": {"name": "net", "sha256": "a" * 64, "layer": "layer3.8", "channels": 6},
    "data": {"source": "digits\n[\n1,\n2\n]", "sha256": "b" * 64, "images": 143},
    "parameters": {"top": 50, "percentile": 99.0, "affinity": "hubness", "gamma": 0.7, "seed": 0},
    "statistics": {
        "edges": 3,
        "isolated": 2,
        "communities": [4, 1, 1],
        "communities_modularity": 0.25,
        "groups_modularity": -1e-06,
        "groups_modularity_whole": 0.1,
        "activity": [0.75, 0.25],
    },
    "groups": [{"channels": [0, 2, 4, 5], "budget": 500000}, {"channels": [1, 3], "budget": None}],
}


def test_what_is_written_is_read_and_written_again_alike(tmp_path):
    parts = parts_file.Parts.model_validate(GOOD)
    parts_file.write(tmp_path / "new" / "parts.json", parts)
    data = (tmp_path / "new" / "parts.json").read_bytes()
    assert b'"channels": [0, 2, 4, 5]' in data
    assert json.loads(data) == GOOD
    again = parts_file.read(tmp_path / "new" / "parts.json")
    assert again == parts
    parts_file.write(tmp_path / "again.json", again)
    assert (tmp_path / "again.json").read_bytes() == data
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["again.json", "new", "parts.json"]


def groups(*channels):
    return {"groups": [{"channels": list(one)} for one in channels]}


BAD = {
    "overlap": (groups([0, 1, 2, 3], [3, 4, 5]), "channel 3 is in groups 0 and 1"),
    "one is missing": (groups([0, 1, 2], [4, 5]), "channel 3 is in no group"),
    "some are missing": (groups([0], [5]), "channel 1 and 3 more are in no group"),
    "beyond the layer": (groups([0, 1, 2, 3], [4, 5, 6]), "channel 6 is not one of the teacher's 6"),
    "negative": (groups([-1, 1, 2, 3], [0, 4, 5]), "groups.0.channels.0: "),
    "huge": (groups([0, 1, 2, 3, 4], [5, 10**30]), "groups.1.channels.1: "),
    "twice": (groups([0, 1, 1, 2], [3, 4, 5]), "groups.0: channels must ascend"),
    "out of order": (groups([1, 0, 2], [3, 4, 5]), "groups.0: channels must ascend"),
    "empty group": (groups([0, 1, 2, 3, 4, 5], []), "groups.1.channels: "),
    "one group": (groups(range(6)), "groups: "),
    "too many groups": (groups(*[[i] for i in range(17)]), "groups: "),
    "another format": ({"format": "nonn-mcu"}, "format: "),
    "another version": ({"version": 2}, "version: "),
    "unknown field": ({"pickle": "cos"}, "pickle: "),
    "no digest": ({"teacher": GOOD["teacher"] | {"sha256": "A" * 64}}, "teacher.sha256: "),
    "no budget": ({"groups": [{"channels": [0, 1, 2], "budget": 0}, {"channels": [3, 4, 5]}]}, "budget: "),
    "infinite": ({"parameters": GOOD["parameters"] | {"gamma": float("inf")}}, "parameters.gamma: "),
}


@pytest.mark.parametrize(("changed", "words"), BAD.values(), ids=BAD)
def test_what_does_not_hold_is_one_line(tmp_path, changed, words):
    path = tmp_path / "parts.json"
    path.write_text(json.dumps(GOOD | changed))
    with pytest.raises(BadInput, match=re.escape(words)) as caught:
        parts_file.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "nonn-mcu partition" in message and "\n" not in message


CONTENT = {
    "empty": b"",
    "not text": b"\xff\xfe\0",
    "cut": json.dumps(GOOD).encode()[:-40],
    "nested": b"[" * 100_000,
    "a list": b"[]",
    "large": b" " * (5 << 20),
}


@pytest.mark.parametrize("content", CONTENT.values(), ids=CONTENT)
def test_what_is_no_parts_file_is_one_line(tmp_path, content):
    path = tmp_path / "parts.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="nonn-mcu partition") as caught:
        parts_file.read(path)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_or_written(tmp_path):
    with pytest.raises(BadInput, match="no such file; make it with: nonn-mcu partition"):
        parts_file.read(tmp_path / "none.json")
    with pytest.raises(BadInput, match="cannot be read"):
        parts_file.read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        parts_file.write(tmp_path / "file" / "parts.json", parts_file.Parts.model_validate(GOOD))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


ANOTHER = {
    "weights": ("b" * 64, 6, r"another teacher, net \(a{12}\), not of mine \(b{12}\)"),
    "channels": ("a" * 64, 7, "of 6 channels, and layer3.8 of mine has 7"),
}


@pytest.mark.parametrize(("sha256", "channels", "words"), ANOTHER.values(), ids=ANOTHER)
def test_parts_of_another_teacher_are_refused(sha256, channels, words):
    parts = parts_file.Parts.model_validate(GOOD)
    mine = SimpleNamespace(name="mine", layer="layer3.8", sha256=sha256, channels=channels)
    with pytest.raises(BadInput, match=words):
        parts_file.require_teacher(parts, mine)


@pytest.mark.parametrize(("layer", "channels"), [("layer3.8", 6), ("conv1", 3)])
def test_parts_of_the_same_weights_are_accepted(layer, channels):
    parts = parts_file.Parts.model_validate(GOOD)
    mine = SimpleNamespace(name="mine", layer=layer, sha256="a" * 64, channels=channels)
    parts_file.require_teacher(parts, mine)
