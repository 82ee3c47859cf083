"""The options of the commands, a file a group: dataclasses whose fields are options, shared by naming the group."""
