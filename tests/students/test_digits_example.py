"""The digits example trains well, quickly, and the same way each time."""

import subprocess
import sys
from pathlib import Path

import pytest

from nonn_mcu import calib, students

pytest.importorskip("torch")
pytest.importorskip("sklearn")

SCRIPT = Path(__file__).parents[2] / "examples" / "digits" / "train.py"


def train(path):
    return subprocess.run(
        [sys.executable, SCRIPT, path], check=False, capture_output=True, text=True, timeout=120
    )


def test_it_trains_a_good_student_that_repeats(tmp_path):
    paths = [tmp_path / "digits.pt", tmp_path / "deeper" / "again.pt"]
    for path in paths:
        done = train(path)
        assert done.returncode == 0, done.stderr
        assert 3 <= len(done.stdout.splitlines()) <= 10
    assert paths[0].read_bytes() == paths[1].read_bytes()
    student = students.load(paths[0])
    assert student.calibration == "digits" and student.input.labels == tuple("0123456789")
    samples = calib.load("digits", student.input, split="test")
    assert (students.forward(student, samples.x)[0].argmax(1) == samples.labels).mean() > 0.96
