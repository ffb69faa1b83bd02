"""Checkpoints that are whole or not there, and which of them stay."""
