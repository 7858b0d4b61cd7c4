"""The custom resource: models of spec and status, and the definition made from them."""
