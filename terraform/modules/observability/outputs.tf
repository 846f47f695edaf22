output "scrape_configs" {
  description = "Scrape job with its token, as a Prometheus operator's additionalScrapeConfigs takes it from a Secret; null without metrics_endpoint."
  value = var.metrics_endpoint == null ? null : yamlencode([{
    job_name        = "managed-databases"
    scheme          = "https"
    metrics_path    = local.endpoint.path
    scrape_interval = "60s"
    authorization   = { type = "Bearer", credentials = selectel_dbaas_prometheus_metric_token_v1.this.value }
    static_configs  = [{ targets = [local.endpoint.host], labels = { environment = var.name } }]
  }])
  sensitive = true
}

output "token" {
  description = "The token by itself, for other collectors."
  value       = selectel_dbaas_prometheus_metric_token_v1.this.value
  sensitive   = true
}
