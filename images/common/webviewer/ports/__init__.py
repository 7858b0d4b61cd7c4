"""What the roles ask of each other, as protocols.

A service object and a client over the network implement the same protocol and pass the same
conformance suite (:mod:`webviewer.testing`). Every call carries a signed grant.
"""
