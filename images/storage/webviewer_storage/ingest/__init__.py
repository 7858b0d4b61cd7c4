"""From received bytes to rows: reading facts, group commit."""
