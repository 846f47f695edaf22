data "selectel_dbaas_datastore_type_v1" "this" {
  project_id = var.project_id
  region     = var.region

  filter {
    engine  = "redis"
    version = var.server_version
  }

  lifecycle {
    postcondition {
      condition     = length(self.datastore_types) > 0
      error_message = "Redis ${coalesce(var.server_version, "of any version")} is not offered in ${var.region}."
    }
  }
}

data "selectel_dbaas_flavor_v1" "this" {
  project_id = var.project_id
  region     = var.region

  filter {
    datastore_type_id = data.selectel_dbaas_datastore_type_v1.this.datastore_types[0].id
    vcpus             = var.flavor.vcpus
    ram               = var.flavor.ram
    disk              = var.flavor.disk
  }

  lifecycle {
    postcondition {
      condition     = length(self.flavors) > 0
      error_message = "Redis of ${var.flavor.vcpus} vCPU, ${var.flavor.ram} MB and ${var.flavor.disk} GB is not offered in ${var.region}."
    }
  }
}

resource "selectel_dbaas_redis_datastore_v1" "this" {
  name                  = var.name
  project_id            = var.project_id
  region                = var.region
  type_id               = data.selectel_dbaas_datastore_type_v1.this.datastore_types[0].id
  flavor_id             = data.selectel_dbaas_flavor_v1.this.flavors[0].id
  subnet_id             = var.subnet_id
  node_count            = var.node_count
  security_groups       = var.security_group_ids
  redis_password        = var.password
  backup_retention_days = var.backup_retention_days

  # Everything that the services keep here has a lifetime. Under pressure what would go soonest goes first, so that the cache
  # gives way before the list of ended sessions does.
  config = {
    "maxmemory-policy" = "volatile-ttl"
  }

  floating_ips {
    master  = 0
    replica = 0
  }

  lifecycle {
    prevent_destroy = true
  }
}
