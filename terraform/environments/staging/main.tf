module "school" {
  source = "../../modules/school"

  name             = "lyceum-staging"
  project_id       = var.project_id
  region           = var.region
  copy_region      = var.copy_region
  zones            = var.zones
  domain           = var.domain
  school_name      = var.school_name
  kube_version     = var.kube_version
  cluster_type     = "HIGH_AVAILABILITY"
  bucket_prefix    = var.bucket_prefix
  cdn_url          = var.cdn_url
  metrics_endpoint = var.metrics_endpoint
  registry         = var.registry
  secrets          = var.secrets
  stores_ca        = var.stores_ca

  backup_recipients = var.backup_recipients

  dns = { zone = var.zone, zone_id = var.zone_id }

  # The same pools as in production, one node each: what does not fit together is seen here first.
  pools = {
    general    = { cpus = 4, ram_mb = 8192, min = 1, max = 3 }
    restricted = { cpus = 2, ram_mb = 4096, min = 1, max = 2, restricted = true }
  }

  # Two servers: the second one keeps honest that services find their own.
  postgresql = {
    restricted = {
      services              = ["users", "payments", "notifications", "documents"]
      node_count            = 1
      backup_retention_days = 7
      flavor                = { vcpus = 2, ram = 4096, disk = 32 }
    }
    main = {
      services              = ["courses", "analytics"]
      node_count            = 1
      backup_retention_days = 7
      flavor                = { vcpus = 2, ram = 4096, disk = 32 }
    }
  }

  rabbitmq = { replicas = 1 }

  redis = { node_count = 1, flavor = { vcpus = 1, ram = 1024, disk = 8 } }
}
