"""Tools on both services: the hand-off, duplicates, and the snapshot of the pipeline."""
