"""Reconciliation compares issuer, processor and our books both ways; each difference is classified and followed up."""
