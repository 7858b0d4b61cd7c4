"""Databases of the roles: the engine, and the only dialect branches."""
