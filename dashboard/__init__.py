"""What people look at: reports."""
