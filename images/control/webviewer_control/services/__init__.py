"""What control knows and decides: people, sessions, rights."""
