"""Training data: what a retrain request names, materialised."""
