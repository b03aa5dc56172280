"""Film reviews, semi-supervised."""
