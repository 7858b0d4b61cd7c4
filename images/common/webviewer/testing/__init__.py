"""Conformance suites: what every implementation of a port must do. Test modules subclass them."""
