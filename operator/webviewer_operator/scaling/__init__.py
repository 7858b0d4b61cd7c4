"""The size of render pools: by sessions, never by guesses."""
