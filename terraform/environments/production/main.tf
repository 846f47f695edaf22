module "school" {
  source = "../../modules/school"

  name             = "lyceum-production"
  project_id       = var.project_id
  region           = var.region
  copy_region      = var.copy_region
  zones            = var.zones
  domain           = var.domain
  school_name      = var.school_name
  kube_version     = var.kube_version
  bucket_prefix    = var.bucket_prefix
  cdn_url          = var.cdn_url
  metrics_endpoint = var.metrics_endpoint
  registry_name    = "lyceum"
  secrets          = var.secrets
  stores_ca        = var.stores_ca

  backup_recipients = var.backup_recipients

  dns = { mail = var.mail, aliases = var.aliases }

  # Per zone: three zones hold what two can carry, so that one may go.
  pools = {
    general    = { cpus = 4, ram_mb = 8192, min = 1, max = 6 }
    restricted = { cpus = 4, ram_mb = 8192, min = 1, max = 4, restricted = true }
  }

  # People and money on servers of their own; a report that goes astray slows down neither.
  postgresql = {
    # Accounts; addresses and what people were told; papers and names on certificates.
    people = {
      services = ["users", "notifications", "documents"]
      flavor   = { vcpus = 4, ram = 16384, disk = 128 }
    }
    money     = { services = ["payments"], flavor = { vcpus = 2, ram = 8192, disk = 64 } }
    courses   = { services = ["courses"], flavor = { vcpus = 4, ram = 16384, disk = 128 } }
    analytics = { services = ["analytics"], node_count = 2, flavor = { vcpus = 4, ram = 16384, disk = 256 } }
  }

  redis = { flavor = { vcpus = 2, ram = 4096, disk = 32 } }
}
