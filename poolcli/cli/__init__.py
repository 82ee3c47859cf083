"""The command line: options to a recipe and a plan, run, print, exit code. Only this room prints or exits."""
