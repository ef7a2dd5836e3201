"""Reading: from bytes of any source to the values, times and identities of records."""
