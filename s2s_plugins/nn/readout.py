"""The readout: from what a decoder's output sees to the features that the output layer projects.

Shape letters: B sentences, T target tokens, O readout size.
"""

from __future__ import annotations

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s_plugins.nn.dropout import Dropout


class Readout(nn.Module):
    """From what the output sees to the features that the output layer projects: ``tanh(W x)``, or x itself.

    One tanh layer is the plain form of the deep output of Pascanu et al. 2014, arXiv:1312.6026; over
    ``[context ; hidden]`` it is the attentional vector of Luong et al. 2015, arXiv:1508.04025, equation 5.

    Args:
        input_size: size of x.
        output_size: O.
        dropout: on the features.
        direct: leave x as it is; the sizes have to be equal.
    """

    def __init__(self, input_size: int, output_size: int, dropout: Dropout, direct: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.dropout = dropout
        self.projection: nn.Module = nn.Identity()
        if not direct:
            linear = nn.Linear(input_size, output_size)
            nn.init.uniform_(linear.weight, -0.1, 0.1)
            nn.init.zeros_(linear.bias)
            self.projection = nn.Sequential(linear, nn.Tanh())

    @property
    def linear(self) -> Optional[nn.Linear]:
        """W; None where x is left as it is."""
        if not isinstance(self.projection, nn.Sequential):
            return None
        linear = self.projection[0]
        assert isinstance(linear, nn.Linear)
        return linear

    def forward(self, *seen: Tensor, constant: Optional[Tensor] = None) -> Tensor:
        """Read out of the (B, T, ...) tensors ``seen``, joined: (B, T, O). ``constant`` (B, ...), if given, is joined
        behind them at every step."""
        linear = self.linear
        if constant is None:
            return self.dropout(self.projection(torch.cat(seen, dim=-1)))
        assert linear is not None, "a constant is wider than the features, which are not the hidden state then"
        # once per sentence: over all steps it would be a product as large as that of the hidden states
        per_step, per_sentence = linear.weight.split([linear.in_features - constant.size(-1), constant.size(-1)], dim=1)
        total = F.linear(torch.cat(seen, dim=-1), per_step) + F.linear(constant, per_sentence, linear.bias).unsqueeze(1)
        return self.dropout(torch.tanh(total))
