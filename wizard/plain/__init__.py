"""The front end of plain lines: the same desk as the screens, for pipes, poor terminals and people who like it so."""
