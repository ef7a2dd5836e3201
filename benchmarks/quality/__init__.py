"""How well drifts are found, side by side with others: streams, contenders, measures, tables, a page."""
