resource "selectel_craas_registry_v1" "this" {
  name       = var.name
  project_id = var.project_id

  lifecycle {
    # A rollback needs yesterday's images.
    prevent_destroy = true
  }
}

# The cluster reads, CI writes, and each only here.
resource "selectel_craas_token_v2" "this" {
  for_each = { pull = false, push = true }

  name           = "${var.name}-${each.key}"
  project_id     = var.project_id
  mode_rw        = each.value
  all_registries = false
  registry_ids   = [selectel_craas_registry_v1.this.id]
  is_set         = var.tokens_expire_at != null
  expires_at     = var.tokens_expire_at
}

locals {
  # The endpoint is told with its scheme.
  address = trimsuffix(trimprefix(selectel_craas_registry_v1.this.endpoint, "https://"), "/")

  docker_config = {
    for purpose, token in selectel_craas_token_v2.this : purpose => jsonencode({
      auths = {
        (split("/", local.address)[0]) = {
          username = token.username
          password = token.token
          auth     = base64encode("${token.username}:${token.token}")
        }
      }
    })
  }
}
