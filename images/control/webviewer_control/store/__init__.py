"""Tables of control and the queries on them."""
