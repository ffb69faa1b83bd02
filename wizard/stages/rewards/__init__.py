"""What an answer is worth: pure functions over texts, a module each, and a file of the user's in a process apart."""
