"""Pretrained encoders: each a network in one file, and where its weights come from."""
