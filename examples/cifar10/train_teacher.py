"""Train a wide ResNet on CIFAR-10 as a teacher, as its authors did, on Lightning Fabric.

    python examples/cifar10/train_teacher.py cifar-10-batches-bin build/wrn40-4.pt --arch wrn40-4

SGD with momentum 0.9, weight decay 5e-4, a rate of 0.1 that falls by a factor of 5 after 30, 60 and 80 % of
the epochs; random crops with a padding of 4, and flips (S. Zagoruyko, N. Komodakis, "Wide Residual Networks",
2016). 200 epochs of WRN40-4 are hours on a GPU and weeks on two cores; several GPUs and machines need no
change: start it with `fabric run`.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from nonn_mcu import students
from nonn_mcu.errors import NonnError
from nonn_mcu.nonn.distil.distil import load_data, tensors
from nonn_mcu.nonn.distil.train import accuracy, start_fabric
from nonn_mcu.nonn.distil.views import Views, view
from nonn_mcu.students import zoo

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
INPUT = students.input_spec(
    (3, 32, 32), "CHW", mean=(0.4914, 0.4822, 0.4465), std=(0.247, 0.2435, 0.2616), labels=LABELS
)


def train(fabric: Fabric, source: str, arch: str, epochs: int, batch: int) -> tuple[nn.Module, float]:
    """Train; give the module as it was best on the validation images, and its test accuracy in 0..1."""
    torch.manual_seed(0)
    data = load_data(source, INPUT)
    x, labels = tensors(data.train)
    model = zoo.build(arch, classes=len(LABELS)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    milestones = [round(epochs * part) for part in (0.3, 0.6, 0.8)]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.2)
    wrapped, optimizer = fabric.setup(model, optimizer)
    views = Views("crop-flip", 0, len(x))
    share = batch * fabric.world_size
    best, weights = -1.0, {}
    for epoch in range(1, epochs + 1):
        wrapped.train()
        order = np.random.RandomState([0, epoch, 1]).permutation(len(x))
        for start in range(0, len(x) - share + 1, share):
            place = start + fabric.global_rank * batch
            indices = order[place : place + batch]
            images = fabric.to_device(view(x[torch.from_numpy(indices)], indices, views, epoch))
            loss = nn.functional.cross_entropy(wrapped(images), fabric.to_device(labels[indices]))
            optimizer.zero_grad()
            fabric.backward(loss)
            optimizer.step()
        schedule.step()
        wrapped.eval()
        right = accuracy(lambda part: wrapped(fabric.to_device(part)), *tensors(data.validation))
        if right >= best:
            best, weights = right, {key: value.cpu().clone() for key, value in model.state_dict().items()}
        fabric.print(f"epoch {epoch}/{epochs}: loss {loss.item():.3f}, validation {right:.1%}", flush=True)
    model.load_state_dict(weights)
    return model, accuracy(lambda part: model(fabric.to_device(part)), *tensors(data.test))


def main() -> int:
    """Parse the command line, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="of CIFAR-10 in its binary version")
    parser.add_argument("output", type=Path, help="where to write the checkpoint")
    parser.add_argument("--arch", default="wrn40-4")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--batch", type=int, default=128)
    args = parser.parse_args()
    fabric, begin = start_fabric(), time.monotonic()
    source = f"cifar10:{args.folder}"
    try:
        model, test = train(fabric, source, args.arch, args.epochs, args.batch)
        if fabric.is_global_zero:
            students.save(args.output, model, args.arch, INPUT, arch_args={"classes": 10}, calibration=source)
    except NonnError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    fabric.print(f"wrote {args.output}: test {test:.1%}, {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
