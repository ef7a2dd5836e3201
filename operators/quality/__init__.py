"""Quality: whether the data are fit to be used, by the reference and by what is expected."""
