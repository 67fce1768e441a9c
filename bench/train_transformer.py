"""Trains the small vision transformer that the benchmarks use, on scikit-learn's digits, in about a minute.

    python -m bench.train_transformer --out build/digits_transformer.onnx

16 tokens (4 × 4 patches of a 16 × 16 picture), 4 blocks of width 96 with 4 heads. Attention is written out
as matrix products, as exporters leave it. Source: Dosovitskiy et al. 2021.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn

from resources.samples.make_samples import SEED, digits, scaled, shifted, top1, write_network

WIDTH, HEADS, BLOCKS, PATCH, SIDE = 96, 4, 4, 4, 16


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def heads(projected: torch.Tensor) -> torch.Tensor:
            return projected.reshape(-1, x.shape[1], HEADS, WIDTH // HEADS).transpose(1, 2)

        scores = heads(self.query(x)) @ heads(self.key(x)).transpose(2, 3) * (WIDTH // HEADS) ** -0.5
        mixed = scores.softmax(-1) @ heads(self.value(x))
        return self.out(mixed.transpose(1, 2).reshape(-1, x.shape[1], WIDTH))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        self.places = nn.Parameter(torch.randn(1, (SIDE // PATCH) ** 2, WIDTH) * 0.02)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.fc = nn.Linear(WIDTH, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.places
        return self.fc(self.norm(self.blocks(tokens)).mean(1))


def train(model: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int) -> None:
    """AdamW with a warm-up and a cosine; each picture is shifted anew every time."""
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)
    steps = epochs * -(-len(x) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    model.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(x), generator=generator).split(64):
            loss = nn.functional.cross_entropy(model(shifted(x[chosen], generator)), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/digits_transformer.onnx"))
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    x_train, x_test, y_train, y_test = digits()
    torch.manual_seed(SEED)
    model = Transformer()
    # torch's own threads get in each other's way on so small a network
    torch.set_num_threads(1)
    train(model, scaled(x_train), torch.from_numpy(y_train), epochs=80)
    write_network(model, scaled(x_test[:1]), "picture", options.out)
    accuracy = top1(options.out, scaled(x_test).numpy(), y_test)
    print(f"{options.out}: {accuracy:.2f} % of {len(y_test)}, {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
