"""Endpoints of control: they validate, ask a service and shape the answer."""
