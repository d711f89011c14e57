"""Trains the weights behind fashion.onnx: a ResNet-8 of 77,818 parameters on Fashion-MNIST.

    python train.py FASHION_MNIST_DIR fashion.pth

Needs torch, numpy; FASHION_MNIST_DIR holds the four `*-ubyte.gz` files of the data set.
Two CPU threads finish its three epochs in a few minutes. `export.py` turns the result into ONNX.
"""

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPOCHS = 3
BATCH = 128


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is 1x1 where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int):
        super().__init__()
        self.c1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.b1 = nn.BatchNorm2d(channels_out)
        self.c2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(channels_out)
        same = stride == 1 and channels_in == channels_out
        self.sc = (
            nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.b1(self.c1(x)))
        return F.relu(self.b2(self.c2(y)) + self.sc(x))


class ResNet8(nn.Module):
    """A stride-2 stem, three stride-2 blocks, a global mean and a linear layer."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.s = nn.Conv2d(1, width, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.l = nn.Sequential(
            Block(width, width, 2), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2)
        )
        self.fc = nn.Linear(4 * width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.l(F.relu(self.bn(self.s(x)))).mean((2, 3)))


def read_split(folder: Path, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as normalized f32 [n, 1, 28, 28] and labels as i64 [n]."""
    pixels = gzip.decompress((folder / f"{split}-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((folder / f"{split}-labels-idx1-ubyte.gz").read_bytes())[8:]
    x = torch.tensor(np.frombuffer(pixels, np.uint8).reshape(-1, 1, 28, 28)).float()
    return x.sub(73).div(90), torch.tensor(np.frombuffer(labels, np.uint8)).long()


def main() -> None:
    folder, out = Path(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(2)
    torch.manual_seed(0)
    model = ResNet8()
    x, y = read_split(folder, "train")
    x_test, y_test = read_split(folder, "t10k")
    steps = len(x) // BATCH
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=EPOCHS * steps)
    for epoch in range(EPOCHS):
        model.train()
        order = torch.randperm(len(x))
        for step in range(steps):
            pick = order[step * BATCH : (step + 1) * BATCH]
            # Every second batch is mirrored: clothes have no left and right.
            batch = x[pick].flip(3) if step % 2 else x[pick]
            loss = F.cross_entropy(model(batch), y[pick])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            logits = torch.cat([model(part) for part in x_test.split(1000)])
        print("epoch", epoch, "test accuracy", (logits.argmax(1) == y_test).float().mean().item())
    torch.save(model.state_dict(), out)


if __name__ == "__main__":
    main()
