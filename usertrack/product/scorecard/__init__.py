"""The figures of the metrics folder, beside the period before."""
