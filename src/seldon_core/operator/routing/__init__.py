"""How requests keep being answered while what answers them changes."""
