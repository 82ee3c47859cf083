"""From what a user named to jobs and through them: discover inputs, plan where each goes, run."""
