"""Logs and metrics of every role."""
