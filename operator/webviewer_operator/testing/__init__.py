"""The API server in memory, what its controllers do, and the suite that holds it to the real one's promises."""
