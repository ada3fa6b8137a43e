"""What touches the disk: the policy file."""
