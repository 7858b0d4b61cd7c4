"""Values of the domain: no framework, no input or output."""
