"""Files of ``torch.save``: our checkpoint, a bare state_dict, and (only when asked for) a pickled module."""

from __future__ import annotations

import io
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonn_mcu.errors import BadInput
from nonn_mcu.students import arch as archs
from nonn_mcu.students import checkpoint, zoo
from nonn_mcu.students.found import PICKLE_REMEDY, Found, check_finite
from nonn_mcu.students.student import first_line

if TYPE_CHECKING:
    from torch import nn

# Where training scripts put the weights in what they save, and what wrappers put before the names.
_WEIGHT_KEYS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.")


def read(path: Path, data: bytes, arch: str | None, allow_pickle: bool) -> Found:
    """Read a ``torch.save`` file. Raises :class:`BadInput`.

    Nothing but tensors and plain values is unpickled, unless ``allow_pickle``.
    """
    from torch import nn

    content = unpickle(path, data, allow_pickle)
    if isinstance(content, Mapping) and isinstance(content.get("model"), nn.Module):
        content = content["model"]
    if isinstance(content, nn.Module):
        return _found(path, content.eval().cpu().float())
    if not isinstance(content, Mapping):
        raise BadInput(f"{path}: holds a {type(content).__name__}, not a network; {PICKLE_REMEDY}")
    if content.get("format") == checkpoint.FORMAT:
        spec = checkpoint.parse(path, content)
        module = archs.resolve(arch) if arch else zoo.build(spec.arch, **spec.arch_args)
        fit(path, module, spec.state_dict)
        found = _found(path, module)
        return Found(
            found.kind, module, spec.input.shape, spec.input.layout, spec.input.mean, spec.input.std,
            spec.input.labels, spec.calibration,
        )  # fmt: skip
    if content.get("format") == checkpoint.NETWORK_FORMAT:
        raise BadInput(
            f"{path}: is a network of students where a single one is wanted; give one student's file, or "
            "convert the network"
        )
    weights = next((content[k] for k in _WEIGHT_KEYS if isinstance(content.get(k), Mapping)), content)
    if not arch:
        raise BadInput(f"{path}: holds weights but no architecture; name it, as in --arch wrn16-1")
    module = archs.resolve(arch)
    fit(path, module, weights)
    return _found(path, module)


def fit(path: Path, module: nn.Module, weights: Mapping[str, Any]) -> None:
    """Load ``weights`` into ``module``, whose names and shapes they must match. Raises :class:`BadInput`.

    A prefix that a wrapper (DataParallel, torch.compile) put before every name is dropped.
    """
    import torch

    strange = [key for key, value in weights.items() if not isinstance(value, torch.Tensor)]
    if strange or not weights:
        what = f"{strange[0]!r} is not a tensor" if strange else "there are no weights"
        raise BadInput(f"{path}: not a state_dict: {what}; save model.state_dict()")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in weights):
            weights = {key.removeprefix(prefix): value for key, value in weights.items()}
    wanted = module.state_dict()
    optional = {key for key in wanted if key.endswith("num_batches_tracked")}
    problems = [
        ("lacks", [key for key in wanted if key not in weights and key not in optional]),
        ("has unknown", [key for key in weights if key not in wanted]),
        (
            "has other shapes at",
            [
                f"{key} {tuple(weights[key].shape)}, not {tuple(wanted[key].shape)}"
                for key in wanted
                if key in weights and weights[key].shape != wanted[key].shape
            ],
        ),
    ]
    text = "; ".join(f"{what} {_few(names)}" for what, names in problems if names)
    if text:
        raise BadInput(f"{path}: the state_dict does not fit the architecture: {text}; check --arch")
    try:
        module.load_state_dict(dict(weights), strict=False)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise BadInput(f"{path}: the weights cannot be copied ({first_line(error)})") from None


def _few(names: list[str]) -> str:
    more = len(names) - 3
    return ", ".join(str(name)[:80] for name in names[:3]) + (f" and {more} more" if more > 0 else "")


def _found(path: Path, module: nn.Module) -> Found:
    module.requires_grad_(False)
    check_finite(path, module.state_dict().items())
    shape = getattr(module, "input_shape", None)
    usable = isinstance(shape, tuple) and all(isinstance(extent, int) for extent in shape)
    return Found("module", module, shape if usable else None)


def unpickle(path: Path, data: bytes, allow_pickle: bool) -> Any:
    """Read what ``torch.save`` wrote: tensors and plain values alone, unless ``allow_pickle``.

    Raises :class:`BadInput`.
    """
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            if not allow_pickle:
                raise BadInput(f"{path}: {_why_not(str(error))}; {PICKLE_REMEDY}") from None
        except Exception as error:  # damaged files fail in many ways, none of which is ours
            raise BadInput(f"{path}: a damaged torch file ({first_line(error)}); save it again") from None
        try:
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
        except Exception as error:  # the file's own code
            raise BadInput(f"{path}: unpickling fails ({first_line(error)})") from None


def _why_not(message: str) -> str:
    found = re.search(r"GLOBAL ([\w.]+)", message)
    what = f" ({found[1][:80]})" if found else ""
    return f"holds pickled objects{what}, and loading them would run code from the file"
