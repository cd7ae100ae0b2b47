"""PyTorch networks that the project's models are compared with."""

import torch
from torch import Tensor, nn

Inputs = tuple[Tensor, ...]


class StudyCNN(nn.Module):
    """The study's network: `(batch, 1, 256, 1024)` in 0-1 to `(batch, 1)`.

    Three blocks, each a convolution and a 1x1 convolution, batch norm, ReLU, dropout and max
    pooling: 3x7 to 16 channels, grouped 5x7 to 32, grouped 1x5 to 64. Then global average pooling,
    a hidden layer of 64 units and the output.
    """

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            _block(1, 16, (3, 7), groups=1),
            _block(16, 32, (5, 7), groups=16),
            _block(32, 64, (1, 5), groups=32),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(64, 64),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Linear(64, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Predict `(batch, 1)`."""
        return self.head(self.blocks(image))


def _block(inputs: int, channels: int, kernel: tuple[int, int], groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, channels, kernel, padding="same", groups=groups),
        nn.Conv2d(channels, channels, 1),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.MaxPool2d(2),
    )


class TextEncoder(nn.Module):
    """A BERT encoder of artist and title, followed by a small network that also reads the year.

    Inputs are the tokens of artist and title, `(batch, tokens)`, 0 for padding, and `(batch, 1)`
    years. The output is `(batch, 1)`.
    """

    def __init__(
        self, vocabulary: int, tokens: int, width: int, layers: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Parameter(torch.zeros(tokens, width))
        self.embedding_norm = nn.Sequential(nn.LayerNorm(width), nn.Dropout(dropout))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, activation="gelu", batch_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.text = nn.Sequential(nn.Dropout(0.5), nn.Linear(2 * width, 16), nn.GELU())
        self.head = nn.Sequential(nn.Linear(17, 64), nn.GELU(), nn.Linear(64, 1))

    def forward(self, artist: Tensor, title: Tensor, year: Tensor) -> Tensor:
        """Predict `(batch, 1)`."""
        text = self.text(torch.cat([self._mean_pool(artist), self._mean_pool(title)], dim=-1))
        return self.head(torch.cat([text, year], dim=-1))

    def _mean_pool(self, tokens: Tensor) -> Tensor:
        """Mean over the tokens that are no padding, `(batch, width)`."""
        padding = tokens == 0
        hidden = self.embedding_norm(self.token_embedding(tokens) + self.position_embedding)
        hidden = self.transformer(hidden, src_key_padding_mask=padding)
        weight = (~padding).unsqueeze(-1).to(hidden.dtype)
        return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)


def train_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Inputs, target: Tensor
) -> None:
    """One optimizer step on the mean squared error; `target` is `(batch,)`."""
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(*inputs)[:, 0], target)
    loss.backward()
    optimizer.step()
