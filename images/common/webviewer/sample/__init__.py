"""The sample study: an analytic CT phantom, which is also the ground truth of geometry tests."""
