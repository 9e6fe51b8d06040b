"""What the published tables say, to look at: `make dashboard`. docs/dashboard.md says what is where."""
