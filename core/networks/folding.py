"""Batch normalizations folded into the convolutions before them: the same function, fewer passes.

Only for prediction: running statistics become part of the weights. Answers differ by rounding.
"""

import copy
import itertools

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
_NORMALIZATION = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - no public base


def folded(network: nn.Module) -> nn.Module:
    """A copy in which every batch normalization right behind a convolution is part of it.

    Where a block is no ``nn.Sequential`` its order is not known, and it stays as it is.

    Args:
        network: In evaluation mode.
    """
    if network.training:
        raise ValueError("only a network in evaluation mode can be folded; call eval() first")
    result = copy.deepcopy(network)
    for block in [one for one in result.modules() if isinstance(one, nn.Sequential)]:
        names = list(block._modules)  # noqa: SLF001 - children() leaves out repeated ones
        for name, following in itertools.pairwise(names):
            convolution, normalization = block._modules[name], block._modules[following]  # noqa: SLF001 - as above
            if (
                isinstance(convolution, _CONVOLUTIONS)
                and isinstance(normalization, _NORMALIZATION)
                and normalization.track_running_stats
            ):
                fused = fuse_conv_bn_eval(convolution, normalization)
                setattr(block, name, fused)
                setattr(block, following, nn.Identity())
    return result
