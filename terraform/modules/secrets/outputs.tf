output "keys" {
  description = "The keys in Secrets Manager, by the name that was given."
  value       = { for name, secret in selectel_secretsmanager_secret_v1.this : name => secret.key }
}

output "certificate_ids" {
  description = "Certificates in Secrets Manager, by name."
  value       = { for name, certificate in selectel_secretsmanager_certificate_v1.this : name => certificate.id }
}
