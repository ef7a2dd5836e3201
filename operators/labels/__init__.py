"""Labels: how they find their predictions, and how they come."""
