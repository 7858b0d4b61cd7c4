"""One round for one cluster: look, decide, apply what differs, say what was seen."""
