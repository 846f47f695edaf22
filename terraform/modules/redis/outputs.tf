output "host" {
  description = "DNS name that follows the primary through a fail-over."
  value       = selectel_dbaas_redis_datastore_v1.this.connections["master"]
}

output "port" {
  description = "Port at which the server speaks TLS; at 6379 it speaks in the clear."
  value       = 6380
}
