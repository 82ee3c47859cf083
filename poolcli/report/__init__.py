"""Outcomes as people and machines read them: terminal, JSON, JSON Lines. No arithmetic on pixels."""
