"""One file a step; its `revision` is its number, `down_revision` the number before it."""
