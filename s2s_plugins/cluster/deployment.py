"""The application of ``s2s serve`` on Ray Serve: replicas on the nodes of a cluster, behind one address."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Type, TypeVar

from s2s_plugins.cluster.shipping import Shipped
from s2s_plugins.errors import UsageError
from s2s_plugins.extras import library
from s2s_plugins.inference.load import load
from s2s_plugins.inference.trained import BACKENDS
from s2s_plugins.server.app import app_of
from s2s_plugins.server.limits import Limits
from s2s_plugins.server.metrics import Metrics
from s2s_plugins.server.run import named

REPLICAS = 2
N = TypeVar("N", int, float)


def build(args: Dict[str, Any]) -> Any:
    """The application that a file for ``serve deploy``, or ``serve run``, names as
    ``s2s_plugins.cluster.deployment:build``.

    Args:
        args: ``models``, the words of ``s2s serve`` with spaces between them, as ``"g2p.safetensors moods=reviews"``;
            ``replicas`` and ``backend``; and any of :class:`~s2s_plugins.server.limits.Limits`.

    Raises:
        UsageError: an argument is unknown or out of range, or a model cannot be used.
    """
    given = dict(args)
    words, backend = str(given.pop("models", "")).split(), given.pop("backend", None)
    replicas = _number("replicas", given.pop("replicas", REPLICAS), int)
    if replicas < 1:
        raise UsageError(f"the deployment has replicas: {replicas}: use 1 or more")
    if backend not in (None, *BACKENDS):
        raise UsageError(f"the deployment has backend: {backend!r}: use {' or '.join(BACKENDS)}")
    if not words:
        raise UsageError("the deployment has no model: give models: g2p.safetensors among its args")
    unknown = [name for name in given if name not in Limits.__dataclass_fields__]
    if unknown:
        known = ", ".join(["models", "replicas", "backend", *Limits.__dataclass_fields__])
        raise UsageError(f"the deployment knows no argument {unknown[0]!r}: use {known}")
    limits = Limits(**{name: _number(name, value, type(getattr(Limits, name))) for name, value in given.items()})
    shipped = {name: Shipped.of(path) for name, path in named(words).items()}
    return application(shipped, replicas, limits, backend)


def _number(name: str, value: Any, kind: Type[N]) -> N:
    """A number that somebody wrote.

    Raises:
        UsageError: it is none.
    """
    try:
        return kind(value)
    except (ValueError, TypeError):
        raise UsageError(f"the deployment has {name}: {value!r}: use a number") from None


def application(
    models: Mapping[str, Shipped],
    replicas: int = REPLICAS,
    limits: Limits = Limits(),  # noqa: B008 (it is frozen)
    backend: Optional[str] = None,
) -> Any:
    """Models as an application of Ray Serve, which sends them to its replicas.

    Args:
        models: by the names that requests call them by.
        replicas: number of processes that answer.
        limits: of each.
        backend: what computes, ``"onnx"`` or ``"torch"``.

    Raises:
        MissingExtra: Ray Serve is not installed.
    """
    serve = library("ray.serve", "a deployment")

    def app() -> Any:
        opened = {}
        for name, shipped in models.items():
            with shipped.unpacked() as path:
                opened[name] = load(path, backend)
        return app_of(opened, limits, Metrics())

    class Models:
        """Answers requests as ``s2s serve`` does."""

    deployed = serve.deployment(num_replicas=replicas, max_ongoing_requests=limits.max_connections)
    return deployed(serve.ingress(app)(Models)).bind()
