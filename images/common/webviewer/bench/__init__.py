"""``webviewer bench``: what the product costs, beside a peer, in one run on one machine."""
