locals {
  # The services, and those among them that keep data.
  services = concat(["gateway"], local.keepers)
  keepers  = ["users", "courses", "payments", "notifications", "documents", "analytics"]

  origins = coalesce(var.upload_origins, ["https://${var.domain}"])
}

module "network" {
  source = "../network"

  name       = var.name
  project_id = var.project_id
  region     = var.region
}

module "kubernetes" {
  source = "../kubernetes"

  name         = var.name
  project_id   = var.project_id
  region       = var.region
  zones        = var.zones
  network_id   = module.network.network_id
  subnet_id    = module.network.nodes_subnet_id
  kube_version = var.kube_version
  cluster_type = var.cluster_type
  private_api  = var.private_api
  pools        = var.pools
}

module "postgresql" {
  source   = "../postgresql"
  for_each = var.postgresql

  name                  = "${var.name}-${each.key}"
  project_id            = var.project_id
  region                = var.region
  subnet_id             = module.network.data_subnet_id
  security_group_ids    = [module.network.security_group_ids["postgresql"]]
  server_version        = each.value.server_version
  node_count            = each.value.node_count
  flavor                = each.value.flavor
  databases             = each.value.services
  passwords             = { for service in each.value.services : service => var.secrets.databases[service] }
  backup_retention_days = each.value.backup_retention_days
  config                = each.value.config
  logs                  = "s/dbaas/${var.name}-${each.key}"
  restore               = each.value.restore
}

module "redis" {
  source = "../redis"

  name               = "${var.name}-redis"
  project_id         = var.project_id
  region             = var.region
  subnet_id          = module.network.data_subnet_id
  security_group_ids = [module.network.security_group_ids["redis"]]
  server_version     = var.redis.server_version
  node_count         = var.redis.node_count
  flavor             = var.redis.flavor
  password           = var.secrets.redis
}

module "registry" {
  source   = "../registry"
  for_each = toset(var.registry_name[*])

  name       = each.value
  project_id = var.project_id
}

module "object_storage" {
  source = "../object-storage"

  project_id = var.project_id
  region     = var.region
  prefix     = var.name
  users      = var.secrets.s3

  buckets = {
    media = {
      name               = "${var.bucket_prefix}-media"
      origins            = local.origins
      keep_versions_days = 30
      writers            = ["documents"]
      readers            = ["backup"]
    }
    backups = {
      name               = "${var.bucket_prefix}-backups"
      keep_versions_days = 35
      expire_days        = 90
      append_only        = true
      writers            = ["backup"]
    }
    # In another place, and nobody who can write the original can write here by the same key.
    copies = {
      name               = "${var.bucket_prefix}-copies"
      region             = var.copy_region
      keep_versions_days = 35
      expire_days        = 90
      append_only        = true
      writers            = ["copier"]
    }
    logs = {
      name        = "${var.bucket_prefix}-logs"
      expire_days = 365
      writers     = ["logs"]
    }
  }
}

module "dns" {
  source = "../dns"

  project_id  = var.project_id
  zone        = coalesce(var.dns.zone, var.domain)
  create_zone = var.dns.zone_id == null
  zone_id     = var.dns.zone_id
  aliases     = var.dns.aliases
  mail        = var.dns.mail
  addresses = {
    (trimsuffix("api.${trimsuffix(trimsuffix(var.domain, coalesce(var.dns.zone, var.domain)), ".")}", ".")) = module.network.door_address
  }
}

module "observability" {
  source = "../observability"

  name             = var.name
  project_id       = var.project_id
  region           = var.region
  metrics_endpoint = var.metrics_endpoint
}

# A second place for what the cluster's Secrets hold, so that a lost cluster does not lose them.
module "secrets" {
  source = "../secrets"

  project_id = var.project_id
  prefix     = var.name
  secrets    = { for name, values in local.kubernetes_secrets : name => jsonencode(values) }
}
