"""What draws projections: back ends of one interface that know nothing of each other."""
