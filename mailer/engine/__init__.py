"""Carriers: who brings numbers of batches, issues and jobs to the threads that see to them."""
