"""The local index of RoofLink's prospects: reading it, searching it, counting the pipeline."""
