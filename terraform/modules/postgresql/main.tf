data "selectel_dbaas_datastore_type_v1" "this" {
  project_id = var.project_id
  region     = var.region

  filter {
    engine  = "postgresql"
    version = var.server_version
  }

  lifecycle {
    postcondition {
      condition     = length(self.datastore_types) > 0
      error_message = "PostgreSQL ${var.server_version} is not offered in ${var.region}."
    }
  }
}

resource "selectel_dbaas_postgresql_datastore_v1" "this" {
  name                  = var.name
  project_id            = var.project_id
  region                = var.region
  type_id               = data.selectel_dbaas_datastore_type_v1.this.datastore_types[0].id
  subnet_id             = var.subnet_id
  node_count            = var.node_count
  security_groups       = var.security_group_ids
  backup_retention_days = var.backup_retention_days
  config                = var.config
  logs                  = var.logs

  flavor {
    vcpus     = var.flavor.vcpus
    ram       = var.flavor.ram
    disk      = var.flavor.disk
    disk_type = var.flavor.disk_type
  }

  # Services keep pools of their own and go to the server itself (5432). The pooler (5433) is there for people and
  # reports; in session mode it surprises nobody.
  pooler {
    mode = "session"
    size = 30
  }

  # No address on the Internet.
  floating_ips {
    master  = 0
    replica = 0
  }

  dynamic "restore" {
    for_each = var.restore[*]

    content {
      datastore_id = restore.value.datastore_id
      target_time  = restore.value.target_time
    }
  }

  lifecycle {
    prevent_destroy = true
    # What it was made from matters once.
    ignore_changes = [restore]
  }
}

resource "selectel_dbaas_user_v1" "this" {
  for_each = var.databases

  project_id   = var.project_id
  region       = var.region
  datastore_id = selectel_dbaas_postgresql_datastore_v1.this.id
  name         = each.value
  password     = var.passwords[each.value]
}

resource "selectel_dbaas_postgresql_database_v1" "this" {
  for_each = var.databases

  project_id   = var.project_id
  region       = var.region
  datastore_id = selectel_dbaas_postgresql_datastore_v1.this.id
  name         = each.value
  owner_id     = selectel_dbaas_user_v1.this[each.value].id
  lc_collate   = var.locale
  lc_ctype     = var.locale

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  extensions = merge([
    for database, names in var.extensions : {
      for name in names : "${database}/${name}" => { database = database, name = name }
    }
  ]...)
}

data "selectel_dbaas_available_extension_v1" "this" {
  for_each = toset([for extension in local.extensions : extension.name])

  project_id = var.project_id
  region     = var.region

  filter {
    name = each.value
  }

  lifecycle {
    postcondition {
      condition     = length(self.available_extensions) > 0
      error_message = "The extension ${each.value} is not offered in ${var.region}."
    }
  }
}

resource "selectel_dbaas_postgresql_extension_v1" "this" {
  for_each = local.extensions

  project_id             = var.project_id
  region                 = var.region
  datastore_id           = selectel_dbaas_postgresql_datastore_v1.this.id
  database_id            = selectel_dbaas_postgresql_database_v1.this[each.value.database].id
  available_extension_id = data.selectel_dbaas_available_extension_v1.this[each.value.name].available_extensions[0].id
}
