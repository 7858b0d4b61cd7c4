"""Pure functions from a cluster's spec to the objects that it needs."""
