"""The API server as the operator needs it: a port of five methods and its client."""
