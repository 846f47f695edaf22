resource "selectel_secretsmanager_secret_v1" "this" {
  # The names are no secret; without this nothing could be planned by them.
  for_each = nonsensitive(toset(keys(var.secrets)))

  project_id  = var.project_id
  key         = "${var.prefix}-${each.value}"
  value       = var.secrets[each.value]
  description = lookup(var.descriptions, each.value, "Lyceum, ${var.prefix}")
}

resource "selectel_secretsmanager_certificate_v1" "this" {
  for_each = nonsensitive(toset(keys(var.certificates)))

  project_id   = var.project_id
  name         = "${var.prefix}-${each.value}"
  certificates = var.certificates[each.value].chain
  private_key  = var.certificates[each.value].private_key
}
