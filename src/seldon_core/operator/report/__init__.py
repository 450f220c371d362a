"""What people are told: status, events, reasons, and what a change would do."""
