"""Recipes judged on a machine: engines, memory, time, disk, remedies."""
