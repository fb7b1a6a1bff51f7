"""A list as a file: its rows as they are filtered, streamed, for those who may, with a line in the trail."""
