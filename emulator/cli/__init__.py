"""The commands, one file each: argument handling and nothing else."""
