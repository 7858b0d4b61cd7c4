"""The control role of WebViewer."""
