"""Which of fairseq's architectures are this plugin's."""

from __future__ import annotations

from fairseq.models import ARCH_MODEL_REGISTRY

PACKAGE = __name__.split(".")[0]


def is_own(arch: str) -> bool:
    """Whether the model of ``--arch`` is one of this plugin's, or made of one."""
    model = ARCH_MODEL_REGISTRY.get(arch)
    return model is not None and any(kind.__module__.split(".")[0] == PACKAGE for kind in model.__mro__)
