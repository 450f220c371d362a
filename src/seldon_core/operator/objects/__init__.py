"""The objects in the cluster: their kinds, whose they are, what differs, how they are written and taken away."""
