"""A school's client: its tasks, its letters, its people."""
