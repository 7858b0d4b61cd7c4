"""The operator: keeps the objects of a cluster as its ``WebViewerCluster`` asks."""
