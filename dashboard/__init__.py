"""What people look at: reports, and pages that are brought up to date."""
