"""What the controller is told: the chart's values, `seldon-config`, its environment, and credentials it may use."""
