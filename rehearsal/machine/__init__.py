"""What is asked of this machine's kernel: commands, control groups, checks, traces left behind."""
