"""Many files, or any pipeline's batches, through a trained model: on this machine, or over a cluster."""

from s2s_plugins.cluster.predictor import Predictor
from s2s_plugins.cluster.shipping import Shipped

__all__ = ["Predictor", "Shipped"]
