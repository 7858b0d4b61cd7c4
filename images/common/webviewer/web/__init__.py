"""HTTP shared by the roles: typed endpoints, OpenAPI, the error table."""
