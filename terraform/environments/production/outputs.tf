output "chart_values" {
  description = "Values for helm/lyceum, as YAML."
  value       = module.school.chart_values
}

output "kubernetes_secrets" {
  description = "The Secrets that the values name, as manifests."
  value       = module.school.kubernetes_secrets
  sensitive   = true
}

output "bucket_settings" {
  description = "For modules/object-storage/apply-settings.py."
  value       = module.school.bucket_settings
}

output "bucket_keys" {
  description = "S3 keys by user."
  value       = module.school.bucket_keys
  sensitive   = true
}

output "scrape_configs" {
  description = "Scrape job of the managed databases."
  value       = module.school.scrape_configs
  sensitive   = true
}

output "load_balancer" {
  description = "For the Service of the ingress controller."
  value       = module.school.load_balancer
}

output "cluster_id" {
  description = "The cluster."
  value       = module.school.cluster_id
}

output "postgresql" {
  description = "PostgreSQL servers."
  value       = module.school.postgresql
}

output "registry" {
  description = "Registry of the images, and what pulls and pushes there."
  value       = module.school.registry
  sensitive   = true
}

output "zone_id" {
  description = "The DNS zone, for staging."
  value       = module.school.zone_id
}
