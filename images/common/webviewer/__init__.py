"""WebViewer: a web DICOM viewer whose pixels are rendered on the server."""

__version__ = "0.1.0"
