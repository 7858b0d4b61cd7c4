"""Files: what is arriving, and the digest-addressed blobs."""
