"""The commands, a file each: options in, a run or a table out."""
