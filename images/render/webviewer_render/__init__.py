"""The render role of WebViewer."""
