output "datastore_id" {
  description = "The server, for a restore."
  value       = selectel_dbaas_postgresql_datastore_v1.this.id
}

output "host" {
  description = "DNS name that follows the primary through a fail-over."
  value       = selectel_dbaas_postgresql_datastore_v1.this.connections["master"]
}

output "port" {
  description = "Port of the server itself, not of the pooler."
  value       = 5432
}

output "databases" {
  description = "Services whose database stands here."
  value       = var.databases
}
