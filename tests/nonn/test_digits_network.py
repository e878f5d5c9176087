"""The demo: a teacher of the digits becomes two students on two emulated Cortex-M4s that answer as one."""

import re
import subprocess
import sys
from pathlib import Path

from support.boards import need

from nonn_mcu.nonn import network

DEMO = Path(__file__).resolve().parents[2] / "examples" / "digits" / "demo.py"
TEST_IMAGES, CORNERS = 359, 4


def test_the_demo_ends_in_one_verdict_on_every_test_image(tmp_path):
    need("mps2-an386")
    command = [sys.executable, str(DEMO), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    assert f"the answers to all {TEST_IMAGES + CORNERS} vectors match" in done.stdout
    assert len(re.findall(r"^PASS .* on mps2-an386", done.stdout, re.MULTILINE)) == 2
    made = network.read(tmp_path / "nonn")
    accuracy = made.manifest.accuracy
    teacher = float(re.search(r"^teacher +([\d.]+)%", done.stdout, re.MULTILINE)[1]) / 100
    assert accuracy.samples == TEST_IMAGES
    assert accuracy.int8 >= teacher - 0.01
    assert all(student.manifest.budget.flash < 60_000 for student in made.students)
