"""The report of a control: hits, amounts and cases by version and day, as a page with a chart and as a file."""
