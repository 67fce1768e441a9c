"""The networks of `docs/supported.md`, as somebody has them in a Python file of their own: torch alone."""

import itertools

import torch
from torch import nn
from torch.nn import functional


class SmallCnn(nn.Module):
    """Two convolutions and three dense layers, for grey pictures of 16 × 16."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.dense1, self.dense2, self.dense3 = nn.Linear(512, 96), nn.Linear(96, 48), nn.Linear(48, classes)

    def forward(self, x):
        x = functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.dense3(torch.relu(self.dense2(torch.relu(self.dense1(x.flatten(1))))))


class VGG16(nn.Module):
    """Simonyan & Zisserman 2015, configuration D, its layers named as in torchvision's file."""

    WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)

    def __init__(self, classes=1000):
        super().__init__()
        layers, width = [], 3
        for wanted in self.WIDTHS:
            layers += [nn.Conv2d(width, wanted, 3, padding=1), nn.ReLU()] if wanted else [nn.MaxPool2d(2)]
            width = wanted or width
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        dense = [nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()]
        self.classifier = nn.Sequential(*dense, nn.Dropout(), nn.Linear(4096, classes))

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def conv_bn(before, after, kernel=3, stride=1, groups=1, act=nn.ReLU):
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), act())


class Basic(nn.Module):
    """He et al. 2016."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.first = conv_bn(before, after, 3, stride)
        self.second = conv_bn(after, after, act=nn.Identity)
        plain = before == after and stride == 1
        self.short = nn.Identity() if plain else conv_bn(before, after, 1, stride, act=nn.Identity)

    def forward(self, x):
        return torch.relu(self.second(self.first(x)) + self.short(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(1, 16)
        self.blocks = nn.Sequential(Basic(16, 16, 1), Basic(16, 32, 2), Basic(32, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


class Squeeze(nn.Module):
    """Hu et al. 2018: each channel times what the means of all say of it."""

    def __init__(self, width, inner):
        super().__init__()
        self.down, self.up = nn.Conv2d(width, inner, 1), nn.Conv2d(inner, width, 1)

    def forward(self, x):
        means = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.up(functional.silu(self.down(means))))


class Inverted(nn.Module):
    """Sandler et al. 2018; with `squeeze` as in Tan & Le 2019."""

    def __init__(self, before, after, stride, act=nn.ReLU6, squeeze=False, times=4):
        super().__init__()
        wide = before * times
        parts = [conv_bn(before, wide, 1, act=act), conv_bn(wide, wide, 3, stride, wide, act)]
        parts += [Squeeze(wide, wide // 4)] if squeeze else []
        self.way = nn.Sequential(*parts, conv_bn(wide, after, 1, act=nn.Identity))
        self.adds = before == after and stride == 1

    def forward(self, x):
        return x + self.way(x) if self.adds else self.way(x)


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(1, 16, act=nn.ReLU6)
        self.blocks = nn.Sequential(Inverted(16, 24, 2), Inverted(24, 24, 1), Inverted(24, 40, 2))
        self.head = conv_bn(40, 80, 1, act=nn.ReLU6)
        self.fc = nn.Linear(80, 10)

    def forward(self, x):
        return self.fc(self.head(self.blocks(self.stem(x))).mean((2, 3)))


class EfficientNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(1, 16, act=nn.SiLU)
        kinds = ((16, 24, 2), (24, 24, 1), (24, 40, 2))
        self.blocks = nn.Sequential(*(Inverted(*sizes, nn.SiLU, squeeze=True) for sizes in kinds))
        self.head = conv_bn(40, 80, 1, act=nn.SiLU)
        self.fc = nn.Linear(80, 10)

    def forward(self, x):
        return self.fc(self.head(self.blocks(self.stem(x))).mean((2, 3)))


class LstmClassifier(nn.Module):
    """Words in any number, read in both directions; a class for each text."""

    def __init__(self, words=40, classes=4):
        super().__init__()
        self.embedding = nn.Embedding(words, 24)
        self.lstm = nn.LSTM(24, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, classes)

    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(states.mean(1))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, mask):
        count, length, width = x.shape

        def split(projected):
            return projected.view(count, length, self.heads, width // self.heads).transpose(1, 2)

        scores = split(self.query(x)) @ split(self.key(x)).transpose(2, 3) / (width // self.heads) ** 0.5
        mixed = (scores + mask).softmax(-1) @ split(self.value(x))
        return self.out(mixed.transpose(1, 2).reshape(count, length, width))


class EncoderLayer(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.attention = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x, mask):
        x = self.norm1(x + self.attention(x, mask))
        return self.norm2(x + self.down(functional.gelu(self.up(x))))


class Encoder(nn.Module):
    """MiniLM's size (Wang et al. 2020): 6 layers, 384 wide, 12 heads, 30,522 words, 22.6 million numbers."""

    def __init__(self, words=30522, width=384, layers=6, heads=12, inner=1536, longest=512):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(longest, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(EncoderLayer(width, heads, inner) for _ in range(layers))

    def forward(self, input_ids, attention_mask):
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.norm(self.words(input_ids) + self.places(places)[None])
        mask = (1.0 - attention_mask[:, None, None, :].float()) * -10_000.0
        for layer in self.layers:
            x = layer(x, mask)
        kept = attention_mask.unsqueeze(-1).float()
        return (x * kept).sum(1) / kept.sum(1).clamp(min=1)


class TextTransformer(nn.Module):
    """Vaswani et al. 2017, one layer, over words in any number; a class for each text."""

    def __init__(self, words=40, width=32, classes=4, longest=64):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(longest, width)
        self.layer = EncoderLayer(width, 4, 2 * width)
        self.head = nn.Linear(width, classes)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.layer(self.words(tokens) + self.places(places)[None], 0.0)
        return self.head(x.mean(1))


class UNet(nn.Module):
    """Ronneberger et al. 2015, three levels, for grey pictures; a score of each class for every pixel."""

    def __init__(self, classes=3):
        super().__init__()
        self.one, self.two, self.three = conv_bn(1, 12), conv_bn(12, 24), conv_bn(24, 32)
        self.up1, self.up2 = nn.ConvTranspose2d(32, 24, 2, 2), nn.ConvTranspose2d(24, 12, 2, 2)
        self.four, self.five = conv_bn(48, 24), conv_bn(24, 12)
        self.last = nn.Conv2d(12, classes, 1)

    def forward(self, x):
        a = self.one(x)
        b = self.two(functional.max_pool2d(a, 2))
        c = self.three(functional.max_pool2d(b, 2))
        d = self.four(torch.cat([self.up1(c), b], 1))
        return self.last(self.five(torch.cat([self.up2(d), a], 1)))


class Detector(nn.Module):
    """One stage, two scales: of each place a box by its corners in pixels, and a score for each class."""

    def __init__(self, classes=2, size=48):
        super().__init__()
        self.classes = classes
        self.stem = nn.Sequential(conv_bn(1, 16, stride=2), conv_bn(16, 24, stride=2), conv_bn(24, 32))
        self.down = conv_bn(32, 48, stride=2)
        self.boxes = nn.ModuleList(nn.Conv2d(width, 4, 3, padding=1) for width in (32, 48))
        self.scores = nn.ModuleList(nn.Conv2d(width, classes, 3, padding=1) for width in (32, 48))
        middles, reach = [], []
        for step in (4, 8):
            at = torch.arange(size // step) * step + step / 2
            down, across = torch.meshgrid(at, at, indexing="ij")
            middles.append(torch.stack([across, down], -1).reshape(-1, 2))
            reach.append(torch.full((len(middles[-1]), 1), 2.0 * step))
        self.register_buffer("middles", torch.cat(middles))
        self.register_buffer("reach", torch.cat(reach))

    def forward(self, image):
        near = self.stem(image)
        maps = (near, self.down(near))
        pairs = tuple(zip(self.boxes, self.scores, maps))  # noqa: B905
        sides = torch.cat([box(x).flatten(2) for box, _, x in pairs], 2).transpose(1, 2)
        logits = torch.cat([score(x).flatten(2) for _, score, x in pairs], 2).transpose(1, 2)
        sides = functional.softplus(sides) * self.reach
        boxes = torch.cat([self.middles - sides[..., :2], self.middles + sides[..., 2:]], -1)
        return boxes, torch.sigmoid(logits)


class SoundNet(nn.Module):
    """One row of a sound of half a second at 8 kHz; a class for each."""

    def __init__(self, classes=3):
        super().__init__()
        widths = (1, 16, 24, 32, 48)
        steps = [
            nn.Sequential(nn.Conv1d(a, b, 9, 4, 4, bias=False), nn.BatchNorm1d(b), nn.ReLU())
            for a, b in itertools.pairwise(widths)
        ]
        self.layers = nn.Sequential(*steps)
        self.head = nn.Linear(48, classes)

    def forward(self, sound):
        return self.head(self.layers(sound.unsqueeze(1)).amax(2))
