"""torch.export archives (.pt2), loaded from a cleaned copy.

torch's own loader trusts the file: it unpickles weights, constants and example inputs that say so, loads
compiled libraries, evaluates symbolic shapes and guards as Python, looks operators up by any dotted name
below ``torch`` and writes names into generated source. So the archive is taken apart here, only plain
tensors and a graph of aten operators with harmless names are put into a new one, and that is loaded.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nonn_mcu.errors import BadInput
from nonn_mcu.students.found import Found, check_finite
from nonn_mcu.students.student import first_line

_GRAPH = "models/model.json"
_WEIGHTS = "data/weights/model_weights_config.json"
_CONSTANTS = "data/constants/model_constants_config.json"
_EXAMPLES = "data/sample_inputs/model.pt"
_PLAIN = re.compile(r"archive_format|archive_version|data/weights/weight_\d+|data/constants/tensor_\d+")

_OPERATOR = re.compile(
    r"torch\.ops\.aten\.(?!save\.|from_file\.)[a-z_0-9]+\.[A-Za-z_0-9]+|_operator\.getitem"
)
_WORD = re.compile(r"[\w.]*", re.ASCII)  # no call, no quote, no line break: never code
_TRAINING_FLAG = {"aten.batch_norm.default": 5, "aten.dropout.default": 2}  # its place in the arguments
_STRING = re.compile(r"[\w., >-]*", re.ASCII)  # a string argument, such as einsum's equation
_CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict"}


class _Refused(Exception):
    """What in the archive is not plain; ends the sentence "holds ..."."""


def read(path: Path, data: bytes) -> Found:
    """Load an ExportedProgram of one float32 input with fixed shape and batch 1. Raises :class:`BadInput`.

    Its example inputs are replaced by zeros; its outputs may be nested tuples, lists and dicts.
    """
    import torch
    from torch.export.pt2_archive._package import load_pt2

    logging.getLogger("torch.export").setLevel(logging.ERROR)
    try:
        program = load_pt2(io.BytesIO(_cleaned(data))).exported_programs["model"]
    except _Refused as error:
        raise BadInput(
            f"{path}: holds {error}; export the network in eval mode with fixed shapes, batch 1"
        ) from None
    except Exception as error:  # damaged files fail in many ways, none of which is ours
        raise BadInput(f"{path}: a damaged .pt2, or another torch's ({first_line(error)})") from None
    if any(_trains(node) for node in program.graph.nodes):
        raise BadInput(f"{path}: was exported in training mode; call .eval() before torch.export")
    names = program.graph_signature.user_inputs
    if len(names) != 1:
        raise BadInput(f"{path}: has {len(names)} inputs; networks with one input are supported")
    value = next(node for node in program.graph.nodes if node.name == names[0]).meta["val"]
    if not isinstance(value, torch.Tensor) or value.dtype != torch.float32 or value.ndim < 2:
        raise BadInput(f"{path}: its input must be float32 with the batch first")
    if value.shape[0] != 1:
        raise BadInput(f"{path}: has batch {value.shape[0]}; export with batch 1")
    check_finite(path, program.state_dict.items())
    check_finite(path, ((k, v) for k, v in program.constants.items() if isinstance(v, torch.Tensor)))
    program.example_inputs = ((torch.zeros(value.shape),), {})
    return Found("exported", program, tuple(value.shape[1:]), fixed_shape=True)


def _trains(node: Any) -> bool:
    """Tell whether a node behaves as in training: its flag for that is set."""
    place = _TRAINING_FLAG.get(str(node.target))
    return place is not None and node.args[place] is True


def _cleaned(data: bytes) -> bytes:
    """Copy the archive, with nothing in it but what was checked. Raises :class:`_Refused`."""
    import torch

    # torch's reader, not Python's: what is checked is what will be read
    reader = torch._C.PyTorchFileReader(io.BytesIO(data))
    records = {name: reader.get_record(name) for name in reader.get_all_records() if _PLAIN.fullmatch(name)}
    for name in reader.get_all_records():
        if name.startswith(("data/aotinductor/", "data/executorch/")):
            raise _Refused("compiled code")
    for name in (_WEIGHTS, _CONSTANTS):
        config = json.loads(reader.get_record(name))
        for entry in config["config"].values():
            if entry["use_pickle"] or not _PLAIN.fullmatch(f"{name.rpartition('/')[0]}/{entry['path_name']}"):
                raise _Refused("pickled tensors or objects, which could run code")
        _check_words(config)
        records[name] = json.dumps(config).encode()
    records[_GRAPH] = json.dumps(_clean_graph(json.loads(reader.get_record(_GRAPH)))).encode()
    records[_EXAMPLES] = b""
    buffer = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(buffer)
    for name, record in sorted(records.items()):
        writer.write_record(name, record, len(record))
    writer.write_end_of_file()
    return buffer.getvalue()


def _clean_graph(program: dict[str, Any]) -> dict[str, Any]:
    """Drop from the serialised program what could become code; check operators and names."""
    if program["range_constraints"]:
        raise _Refused("a dynamic shape")
    if program.get("guards_code"):
        raise _Refused("guards, which are code")
    program["torch_version"] = ""
    module = program["graph_module"]
    module["metadata"] = {}
    module["module_call_graph"] = [
        {"fqn": entry["fqn"], "signature": entry["signature"] and _clean_signature(entry["signature"])}
        for entry in module["module_call_graph"]
    ]
    for node in module["graph"]["nodes"]:
        if not _OPERATOR.fullmatch(node["target"]):
            raise _Refused(f"the operator {node['target'][:80]!r}, which is not one of aten's")
        # which module the operator came from, for messages
        stack = str(node["metadata"].get("nn_module_stack", ""))
        clean = re.fullmatch(r"[\w.,;@]*", stack, re.ASCII)
        node["metadata"] = {"nn_module_stack": stack} if stack and clean else {}
    signatures = [entry.pop("signature") for entry in module["module_call_graph"]]
    stacks = [node.pop("metadata") for node in module["graph"]["nodes"]]
    _check_words(program)
    for entry, signature in zip(module["module_call_graph"], signatures, strict=True):
        entry["signature"] = signature
    for node, stack_ in zip(module["graph"]["nodes"], stacks, strict=True):
        node["metadata"] = stack_
    return program


def _clean_signature(signature: dict[str, Any]) -> dict[str, Any]:
    """Check a calling convention: its trees are plain containers."""
    _check_words({key: value for key, value in signature.items() if key not in ("in_spec", "out_spec")})
    for key in ("in_spec", "out_spec"):
        version, tree = json.loads(signature[key])
        _check_tree(tree)
        signature[key] = json.dumps([version, tree])
    return signature


def _check_tree(tree: dict[str, Any]) -> None:
    context = tree["context"]
    if tree["type"] not in _CONTAINERS:
        raise _Refused(f"the container {str(tree['type'])[:60]!r}; use tuples, lists and dicts")
    if context is not None:
        _check_words(json.loads(context))
    for child in tree["children_spec"]:
        _check_tree(child)


def _check_words(value: Any) -> None:
    for text, allowed in _strings(value):
        if not allowed.fullmatch(text):
            raise _Refused(f"the name {text[:60]!r}, which could be code")


def _strings(value: Any, allowed: re.Pattern[str] = _WORD) -> Iterator[tuple[str, re.Pattern[str]]]:
    if isinstance(value, str):
        yield value, allowed
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "expr_str":
                raise _Refused("a dynamic shape")
            yield key, _WORD
            yield from _strings(item, _STRING if key == "as_string" else _WORD)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
