"""A series as a volume: where its voxels lie, what they hold, and smaller versions of it."""
