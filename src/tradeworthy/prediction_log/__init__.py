"""The prediction log: what was answered is on disk before the answer leaves."""
