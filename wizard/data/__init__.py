"""What people bring to train on: recognising it (`shape`, also used inside engines) and reading it (`readers`)."""
