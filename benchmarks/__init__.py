"""What `make bench` runs: speed shown beside something known, in one run on one machine."""
