"""When pods may be replaced: what people ask for, what is held, and whose turn it is."""
