"""The storage role of WebViewer."""
