"""Decoded series in shared memory, their budget, and the cache of finished frames."""
