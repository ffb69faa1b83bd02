"""Programs run inside an engine's environment: `python -m wizard.stages.<name> STAGE_DIR`."""
