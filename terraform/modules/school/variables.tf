variable "name" {
  description = "Name of the installation, for example lyceum-production. Everything is called after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name has 3 to 31 lower-case letters, digits and hyphens."
  }
}

variable "project_id" {
  description = "Selectel project that pays for it."
  type        = string
}

variable "region" {
  description = "Pool, for example ru-7."
  type        = string
}

variable "copy_region" {
  description = "Pool in another place for copies of backups."
  type        = string

  validation {
    condition     = var.copy_region != var.region
    error_message = "A copy beside the original burns with it: copy_region must be another pool."
  }
}

variable "zones" {
  description = "Availability zones of the nodes."
  type        = list(string)
}

variable "domain" {
  description = "The school's domain: school.example. The API answers at api.<domain>."
  type        = string
}

variable "dns" {
  description = "The zone: made here, or an existing one by its id; CNAMEs; mail."
  type = object({
    zone    = optional(string)
    zone_id = optional(string)
    aliases = optional(map(string), {})
    mail = optional(object({
      spf     = string
      dkim    = optional(map(string), {})
      reports = string
      policy  = optional(string, "quarantine")
    }))
  })
  default = {}
}

variable "school_name" {
  description = "What the school calls itself in mails and on certificates."
  type        = string
}

variable "school_zone" {
  description = "Time zone in which the school counts its days."
  type        = string
  default     = "Europe/Moscow"
}

variable "kube_version" {
  description = "See modules/kubernetes."
  type        = string
}

variable "cluster_type" {
  description = "See modules/kubernetes."
  type        = string
  default     = "HIGH_AVAILABILITY_MULTI_AZ"
}

variable "private_api" {
  description = "See modules/kubernetes."
  type        = bool
  default     = true
}

variable "pools" {
  description = "Pools of nodes, see modules/kubernetes. `general` takes everything that `placement` does not send elsewhere."
  type        = any

  validation {
    condition     = contains(keys(var.pools), "general")
    error_message = "There must be a pool `general`."
  }

  validation {
    condition     = alltrue([for pool in values(var.placement) : contains(keys(var.pools), pool)])
    error_message = "placement names a pool that is not there."
  }
}

variable "placement" {
  description = "Services that stand in another pool than `general`: those that hold personal data and money."
  type        = map(string)
  default = {
    users         = "restricted"
    payments      = "restricted"
    documents     = "restricted"
    notifications = "restricted"
  }

  validation {
    condition     = alltrue([for service in keys(var.placement) : contains(local.services, service)])
    error_message = "placement names something that is not a service."
  }
}

variable "postgresql" {
  description = <<-TEXT
    PostgreSQL servers by name, with the services whose databases stand there. Every service that keeps data stands at exactly one.
    Who is restricted by `placement` shares no server with the rest, so that personal data and money are apart down to the disk.
  TEXT
  type = map(object({
    services              = set(string)
    server_version        = optional(string, "17")
    node_count            = optional(number, 3)
    flavor                = object({ vcpus = number, ram = number, disk = number, disk_type = optional(string, "local") })
    backup_retention_days = optional(number, 14)
    config                = optional(map(string), {})
    restore               = optional(object({ datastore_id = string, target_time = string }))
  }))

  validation {
    condition = (
      length(flatten([for server in var.postgresql : tolist(server.services)])) == length(local.keepers)
      && toset(flatten([for server in var.postgresql : tolist(server.services)])) == toset(local.keepers)
    )
    error_message = "Each of users, courses, payments, notifications, documents, analytics stands at exactly one PostgreSQL server."
  }

  validation {
    condition = alltrue([
      for server in var.postgresql : length(distinct([for service in server.services : lookup(var.placement, service, "general")])) == 1
    ])
    error_message = "Personal data and money stand on servers of their own: a server's services must all be of one pool (see placement)."
  }
}

variable "stores_ca" {
  description = "Certificate authority of the managed stores, in PEM: https://storage.dbaas.selcloud.ru/CA.pem. Without it anybody could play a store."
  type        = string

  validation {
    condition     = startswith(trimspace(var.stores_ca), "-----BEGIN CERTIFICATE-----")
    error_message = "stores_ca is a certificate in PEM."
  }
}

variable "rabbitmq" {
  description = "RabbitMQ in the cluster, by its operator: three members on three nodes of the restricted pool, or one for trying."
  type = object({
    replicas = optional(number, 3)
    storage  = optional(string, "10Gi")
  })
  default = {}
}

variable "backup_recipients" {
  description = "age recipients for whom backups are encrypted; who holds their keys, says deploy/backup/SETUP.md."
  type        = list(string)

  validation {
    condition     = length(var.backup_recipients) > 0 && alltrue([for recipient in var.backup_recipients : startswith(recipient, "age1")])
    error_message = "Name at least one recipient, age1…: without one there are no backups."
  }
}

variable "redis" {
  description = "See modules/redis."
  type = object({
    node_count     = optional(number, 3)
    server_version = optional(string)
    flavor         = object({ vcpus = number, ram = number, disk = number })
  })
}

variable "registry_name" {
  description = "Name of the image registry; null where another environment made it."
  type        = string
  default     = null
}

variable "registry" {
  description = "The registry that another environment made: its address and the .dockerconfigjson for pulling."
  type = object({
    address            = string
    pull_docker_config = string
  })
  default   = null
  sensitive = true

  validation {
    condition     = (var.registry_name == null) != (var.registry == null)
    error_message = "Either registry_name makes a registry, or `registry` names one."
  }
}

variable "bucket_prefix" {
  description = "Begins the buckets' names, which are unique across all customers of a pool."
  type        = string
}

variable "upload_origins" {
  description = "Sites from which browsers upload; https://<domain> by default."
  type        = list(string)
  default     = null
}

variable "cdn_url" {
  description = "https://… of the CDN in front of the media bucket; null: signed links lead to the bucket."
  type        = string
  default     = null

  validation {
    condition     = (var.cdn_url == null) == (nonsensitive(var.secrets.cdn) == null)
    error_message = "A CDN needs both cdn_url and secrets.cdn, its code word."
  }
}

variable "metrics_endpoint" {
  description = "See modules/observability."
  type        = string
  default     = null
}

variable "secrets" {
  description = <<-TEXT
    What people must not read, made by `terraform/make-secrets`: passwords of the databases' roles by service, of Redis, of RabbitMQ, of the
    S3 users.
    cdn: the CDN's code word, where there is a CDN.
  TEXT
  type = object({
    databases = map(string)
    redis     = string
    rabbitmq  = string
    s3        = map(string)
    cdn       = optional(string)
  })
  sensitive = true
}
