"""GET /metrics in Prometheus' text: the endpoint, who may scrape, and a file for each topic that is measured."""
