"""Words to phonemes."""
