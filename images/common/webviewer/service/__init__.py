"""WebViewer as a service of a Linux machine with systemd."""
