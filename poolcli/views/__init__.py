"""What a report shows, as small arrays: where pictures change, which pixels survive, the part worth a closer look."""
