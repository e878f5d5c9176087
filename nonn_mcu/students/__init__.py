"""Students: load a network from any of the files PyTorch users have, safely, with its input spec."""

from nonn_mcu.students.checkpoint import save
from nonn_mcu.students.loading import load
from nonn_mcu.students.student import InputSpec, Student, forward, input_spec

__all__ = ["InputSpec", "Student", "forward", "input_spec", "load", "save"]
