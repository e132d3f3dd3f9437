"""Releases: bundles under a name and a version, and which of them answers. One registry is shared by all hosts."""
