"""Reconciliation: issuer, processor and our books compared both ways, each difference classified and followed up."""
