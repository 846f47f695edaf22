output "zone_id" {
  description = "The zone, for environments that write below it."
  value       = local.zone_id
}

output "names" {
  description = "Every name that was written, with its type."
  value       = { for key, record in selectel_domains_rrset_v2.this : key => record.name }
}
