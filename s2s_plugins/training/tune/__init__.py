"""``s2s tune``: the settings of a training that err least, found by trials."""
