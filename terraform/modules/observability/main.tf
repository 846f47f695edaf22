# With it Prometheus reads the metrics of the managed databases, and nothing else.
resource "selectel_dbaas_prometheus_metric_token_v1" "this" {
  name       = var.name
  project_id = var.project_id
  region     = var.region
}

locals {
  endpoint = regex("^https://(?P<host>[^/]+)(?P<path>/.+)$", coalesce(var.metrics_endpoint, "https://none/none"))
}
