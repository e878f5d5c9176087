"""The verdict as a value: precedence of exit codes, and JSON."""

import itertools
import json

import pytest

from nonn_mcu import errors
from nonn_mcu.verify.judge import explain, failed, to_json
from nonn_mcu.verify.verdict import PRECEDENCE, STATUS, Verdict, worst


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(PRECEDENCE, 2)])
def test_the_worst_code_wins_wherever_it_stands(one, other):
    assert worst([one, other]) == worst([other, one]) == worst([0, other, one]) == one


def test_precedence_knows_every_exit_code_of_a_device():
    raised = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type)}
    of_a_command = {errors.Interrupted.exit_code}  # it ends all devices at once, and has no verdict
    assert set(PRECEDENCE) == set(STATUS) == (raised - of_a_command) | {0, 1}


def test_failures_are_json():
    verdict = Verdict(
        (failed("a", errors.LinkTimeout("a: silent")), failed("b", errors.WrongModel("b: other")))
    )
    body = json.loads(json.dumps(to_json(verdict), allow_nan=False))
    assert verdict.exit_code == 6
    assert body["status"] == "wrong-model" and body["error"] == {"type": "WrongModel", "message": "b: other"}
    assert [found["status"] for found in body["devices"]] == ["link-failed", "wrong-model"]


def test_an_obituary_explains_link_errors_alone():
    verdict = Verdict((failed("a", errors.LinkError("a: gone")), failed("b", errors.WrongModel("b: other"))))
    assert explain(verdict, None) == verdict
    messages = [device.error.message for device in explain(verdict, "it died").devices]
    assert messages == ["it died (a: gone)", "b: other"]
