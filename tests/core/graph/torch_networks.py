"""Small networks of the well-known architectures in torch, and their export to ONNX."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

Inputs = tuple[Tensor, ...]


def exported(
    module: nn.Module, inputs: Inputs, opset: int = 17, fold: bool = True
) -> tuple[onnx.ModelProto, dict[str, object]]:
    """As torch exports it for inference, the batch open; and feeds for it."""
    module.eval()
    names = [f"x{index}" for index in range(len(inputs))]
    target = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            inputs,
            target,
            input_names=names,
            opset_version=opset,
            dynamic_axes={name: {0: "N"} for name in names},
            do_constant_folding=fold,
            dynamo=False,
        )
    return onnx.load_from_string(target.getvalue()), {
        name: value.numpy() for name, value in zip(names, inputs, strict=True)
    }


def conv(n_in: int, n_out: int, k: int = 3, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, k, stride, k // 2, groups=groups, bias=False)


def conv_bn(
    n_in: int, n_out: int, k: int = 3, stride: int = 1, groups: int = 1, act: type[nn.Module] = nn.ReLU
) -> nn.Sequential:
    return nn.Sequential(conv(n_in, n_out, k, stride, groups), nn.BatchNorm2d(n_out), act())


class Bottleneck(nn.Module):
    """He et al. 2016; `groups` as in ResNeXt."""

    def __init__(self, n_in: int, inner: int, n_out: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.way = nn.Sequential(
            conv_bn(n_in, inner, 1),
            conv_bn(inner, inner, 3, stride, groups),
            conv(inner, n_out, 1),
            nn.BatchNorm2d(n_out),
        )
        plain = n_in == n_out and stride == 1
        self.short = (
            nn.Identity() if plain else nn.Sequential(conv(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.way(x) + self.short(x))


class Classifier(nn.Sequential):
    """Features, mean over the picture, one dense layer."""

    def __init__(self, width: int, *features: nn.Module) -> None:
        super().__init__(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def resnet(groups: int = 1) -> nn.Module:
    return Classifier(
        64,
        conv_bn(3, 16, 7, 2),
        nn.MaxPool2d(3, 2, 1),
        Bottleneck(16, 16, 32, groups=groups),
        Bottleneck(32, 16, 32, groups=groups),
        Bottleneck(32, 32, 64, 2, groups=groups),
        Bottleneck(64, 32, 64, groups=groups),
    )


class SqueezeExcitation(nn.Module):
    def __init__(self, width: int, inner: int, act: type[nn.Module], gate: type[nn.Module]) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, inner, 1), act(), nn.Conv2d(inner, width, 1), gate()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


class Inverted(nn.Module):
    """Inverted residual of MobileNetV2, V3 and EfficientNet."""

    def __init__(
        self,
        n_in: int,
        inner: int,
        n_out: int,
        stride: int = 1,
        act: type[nn.Module] = nn.ReLU6,
        gate: type[nn.Module] | None = None,
    ) -> None:
        super().__init__()
        squeeze = [] if gate is None else [SqueezeExcitation(inner, inner // 4, nn.ReLU, gate)]
        self.way = nn.Sequential(
            conv_bn(n_in, inner, 1, act=act),
            conv_bn(inner, inner, 3, stride, inner, act),
            *squeeze,
            conv(inner, n_out, 1),
            nn.BatchNorm2d(n_out),
        )
        self.adds = n_in == n_out and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        return x + self.way(x) if self.adds else self.way(x)


def mobilenet(act: type[nn.Module] = nn.ReLU6, gate: type[nn.Module] | None = None) -> nn.Module:
    return Classifier(
        64,
        conv_bn(3, 16, 3, 2, act=act),
        Inverted(16, 48, 24, 2, act, gate),
        Inverted(24, 72, 24, 1, act, gate),
        Inverted(24, 72, 32, 2, act, gate),
        Inverted(32, 96, 32, 1, act, gate),
        conv_bn(32, 64, 1, act=act),
    )


def vgg() -> nn.Module:
    return nn.Sequential(
        *[
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ],
        *[nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)],
        *[
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(512, 64),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(64, 10),
        ],
    )


class Dense(nn.Module):
    """DenseNet (Huang et al. 2017): everything so far is read by every layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 16)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(16 + 8 * i), nn.ReLU(), conv_bn(16 + 8 * i, 32, 1), conv(32, 8))
            for i in range(4)
        )
        self.transition = nn.Sequential(nn.BatchNorm2d(48), nn.ReLU(), conv(48, 24, 1), nn.AvgPool2d(2))
        self.head = Classifier(24, nn.BatchNorm2d(24), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        found = [self.stem(x)]
        for layer in self.layers:
            found.append(layer(torch.cat(found, 1)))
        return self.head(self.transition(torch.cat(found, 1)))


class UNet(nn.Module):
    """Ronneberger et al. 2015, once with ConvTranspose and once with a resize on the way up."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = conv_bn(3, 16), conv_bn(16, 24), conv_bn(24, 32)
        self.up = nn.ConvTranspose2d(32, 24, 2, 2)
        self.four, self.five = conv_bn(48, 24), conv_bn(40, 16)
        self.last = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.one(x)
        b = self.two(functional.max_pool2d(a, 2))
        c = self.three(functional.max_pool2d(b, 2))
        d = self.four(torch.cat([self.up(c), b], 1))
        wide = functional.interpolate(d, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.last(self.five(torch.cat([wide, a], 1)))


class Shuffle(nn.Module):
    """ShuffleNetV2 (Ma et al. 2018): half of the channels pass, then all are shuffled."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 32, 3, 2)
        self.ways = nn.ModuleList(
            nn.Sequential(conv_bn(16, 16, 1), conv(16, 16, 3, 1, 16), nn.BatchNorm2d(16), conv_bn(16, 16, 1))
            for _ in range(2)
        )
        self.head = Classifier(48, conv_bn(32, 48, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for way in self.ways:
            left, right = x.chunk(2, 1)
            x = torch.cat([left, way(right)], 1)
            n, c, h, w = x.shape
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.head(x)


class ConvNeXtBlock(nn.Module):
    """Liu et al. 2022: depthwise 7×7, then dense layers on channels at the end."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depth = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depth(x).permute(0, 2, 3, 1))
        y = self.gamma * self.narrow(functional.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


def convnext() -> nn.Module:
    return Classifier(24, nn.Conv2d(3, 24, 4, 4), ConvNeXtBlock(24), ConvNeXtBlock(24))


def grouped_norms() -> nn.Module:
    return Classifier(
        32,
        *[nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.SiLU()],
        *[nn.Conv2d(16, 32, 3, 2, 1), nn.InstanceNorm2d(32, affine=True), nn.Hardswish()],
        *[nn.Conv2d(32, 32, 3, padding=1), nn.PReLU(32)],
    )


class Recurrent(nn.Module):
    """Embedding, LSTM or GRU, dense layer on the last step."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], both: bool, layers: int = 2) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 24)
        self.cell = kind(24, 32, layers, batch_first=True, bidirectional=both)
        self.out = nn.Linear(64 if both else 32, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.cell(self.table(tokens))[0][:, -1])


class Separate(nn.Module):
    """Attention with query, key and value of their own."""

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        q, k, v = (
            m(x).view(n, t, self.heads, c // self.heads).transpose(1, 2) for m in (self.q, self.k, self.v)
        )
        weights = (q @ k.transpose(-2, -1) / (c // self.heads) ** 0.5).softmax(-1)
        return self.o((weights @ v).transpose(1, 2).reshape(n, t, c))


class Fused(nn.Module):
    """Attention of a ViT: one dense layer for all three, taken apart by reshape and permute."""

    def __init__(self, width: int = 32, heads: int = 4, flash: bool = False) -> None:
        super().__init__()
        self.heads, self.flash = heads, flash
        self.qkv, self.o = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.flash:
            y = functional.scaled_dot_product_attention(q, k, v)
        else:
            y = (q * (c // self.heads) ** -0.5 @ k.transpose(-2, -1)).softmax(-1) @ v
        return self.o(y.transpose(1, 2).reshape(n, t, c))


class Chunked(nn.Module):
    """Attention of GPT-2: one dense layer, split into three; causal."""

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.o = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(6, 6))[None, None])

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        q, k, v = (
            part.view(n, t, self.heads, c // self.heads).transpose(1, 2) for part in self.qkv(x).split(c, 2)
        )
        scores = (q @ k.transpose(-2, -1) / (c // self.heads) ** 0.5).masked_fill(self.mask == 0, -1e9)
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, c))


class Block(nn.Module):
    """Normalise, attend, add; normalise, dense layers, add."""

    def __init__(self, attention: nn.Module, width: int = 32) -> None:
        super().__init__()
        self.attention = attention
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))


class Tokens(nn.Module):
    """Words and places, blocks, the mean over all words."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(50, 32), nn.Parameter(torch.randn(1, 6, 32))
        self.blocks, self.norm, self.out = nn.Sequential(*blocks), nn.LayerNorm(32), nn.Linear(32, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.norm(self.blocks(self.table(tokens) + self.places)).mean(1))


class Vision(nn.Module):
    """ViT (Dosovitskiy et al. 2021): patches, a token for the class, blocks."""

    def __init__(self, flash: bool) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 4, 4)
        self.token, self.places = nn.Parameter(torch.randn(1, 1, 32)), nn.Parameter(torch.randn(1, 17, 32))
        self.blocks = nn.Sequential(Block(Fused(flash=flash)), Block(Fused(flash=flash)))
        self.norm, self.out = nn.LayerNorm(32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.out(self.norm(self.blocks(x))[:, 0])


def encoder() -> nn.Module:
    """torch's own layer, as torch exports it where its fast path is off."""
    torch.backends.mha.set_fastpath_enabled(False)
    return Tokens(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=True))


def _picture(size: int = 32) -> Inputs:
    return (torch.randn(2, 3, size, size),)


def _words() -> Inputs:
    return (torch.randint(0, 50, (2, 6)),)


def _sigmoid_silu() -> nn.Module:
    return mobilenet(nn.SiLU, nn.Sigmoid)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Inputs]]] = {
    "resnet": (resnet, _picture),
    "resnext": (lambda: resnet(groups=4), _picture),
    "mobilenetv2": (mobilenet, _picture),
    "mobilenetv3": (lambda: mobilenet(nn.Hardswish, nn.Hardsigmoid), _picture),
    "efficientnet": (_sigmoid_silu, _picture),
    "vgg": (vgg, lambda: _picture(16)),
    "densenet": (Dense, _picture),
    "unet": (UNet, _picture),
    "shufflenet": (Shuffle, _picture),
    "convnext": (convnext, _picture),
    "group and instance norm": (grouped_norms, _picture),
    "lstm": (lambda: Recurrent(nn.LSTM, False), _words),
    "lstm, both directions": (lambda: Recurrent(nn.LSTM, True), _words),
    "gru": (lambda: Recurrent(nn.GRU, False), _words),
    "transformer, separate": (lambda: Tokens(Block(Separate()), Block(Separate())), _words),
    "transformer, fused": (lambda: Vision(flash=False), lambda: _picture(16)),
    "transformer, flash": (lambda: Vision(flash=True), lambda: _picture(16)),
    "transformer, causal": (lambda: Tokens(Block(Chunked()), Block(Chunked())), _words),
    "transformer, torch's own": (encoder, _words),
}


def drawn(name: str) -> tuple[nn.Module, Inputs]:
    """One of `NETWORKS`, its weights and batch norms drawn at random from a fixed seed, and inputs for it."""
    torch.manual_seed(0)
    make, inputs = NETWORKS[name]
    module = make()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.2)
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.5, 1.5)
    return module, inputs()


def network(name: str, opset: int = 17) -> tuple[onnx.ModelProto, dict[str, object]]:
    """`drawn`, as torch exports it."""
    return exported(*drawn(name), opset)
