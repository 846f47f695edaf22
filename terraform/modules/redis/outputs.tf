output "host" {
  description = "DNS name that follows the primary through a fail-over."
  value       = selectel_dbaas_redis_datastore_v1.this.connections["master"]
}

output "port" {
  description = "Port of the server."
  value       = 6379
}
