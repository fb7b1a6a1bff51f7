"""The rules of the alerts, a module for each subject, with its thresholds and their reasons."""
