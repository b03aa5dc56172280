"""Film dialogue: statement -> reply."""
