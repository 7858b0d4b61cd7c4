"""The stored bytes of frames, read in bulk."""
