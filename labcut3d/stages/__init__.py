"""The stages of the pipeline: each reads what the last one wrote and writes one result."""
