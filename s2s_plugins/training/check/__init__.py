"""``s2s check``: which entries of a lexicon a model finds improbable, and what it would say instead."""
