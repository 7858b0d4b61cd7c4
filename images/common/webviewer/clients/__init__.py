"""Network clients of the roles: the same protocols as the services themselves."""
