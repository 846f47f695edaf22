variable "name" {
  description = "Name of the server."
  type        = string
}

variable "project_id" {
  description = "Selectel project."
  type        = string
}

variable "region" {
  description = "Pool, for example ru-7."
  type        = string
}

variable "subnet_id" {
  description = "Subnet in which the server stands."
  type        = string
}

variable "security_group_ids" {
  description = "Security groups of the server."
  type        = set(string)
  default     = []
}

variable "server_version" {
  description = "Major version of PostgreSQL."
  type        = string
  default     = "17"

  validation {
    condition     = contains(["15", "16", "17"], var.server_version)
    error_message = "server_version is 15, 16 or 17."
  }
}

variable "node_count" {
  description = "Members: 1 for trying, 3 for a primary with two replicas in other places."
  type        = number
  default     = 3

  validation {
    condition     = var.node_count >= 1 && var.node_count <= 6
    error_message = "Managed PostgreSQL has 1 to 6 nodes."
  }
}

variable "flavor" {
  description = "Size of each member. ram in MB, disk in GB; disk_type local (faster) or network-ultra (can grow)."
  type = object({
    vcpus     = number
    ram       = number
    disk      = number
    disk_type = optional(string, "local")
  })

  validation {
    condition     = contains(["local", "network-ultra"], var.flavor.disk_type)
    error_message = "disk_type is local or network-ultra."
  }
}

variable "databases" {
  description = "Services whose database stands here. Database and role are called like the service, and the role owns the database: its migrations need that."
  type        = set(string)

  validation {
    condition     = length(var.databases) > 0 && alltrue([for name in var.databases : can(regex("^[a-z][a-z0-9_]{0,62}$", name))])
    error_message = "Name at least one service, in lower-case letters."
  }
}

variable "passwords" {
  description = "Password of each service's role."
  type        = map(string)
  sensitive   = true

  validation {
    condition     = alltrue([for name in var.databases : length(lookup(var.passwords, name, "")) >= 24])
    error_message = "Every database needs a password of 24 characters or more."
  }
}

variable "locale" {
  description = "Collation and character classes. The search in courses lowers Cyrillic letters, which the locale C cannot."
  type        = string
  default     = "ru_RU.utf8"
}

variable "extensions" {
  description = "Extensions by database. The services need none."
  type        = map(set(string))
  default     = {}
}

variable "backup_retention_days" {
  description = "How far back the provider can restore to a moment."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_retention_days >= 7
    error_message = "Keep seven days at least: a mistake of a Friday is noticed on a Monday."
  }
}

variable "config" {
  description = "Parameters of the server, as the provider names them."
  type        = map(string)
  default     = {}
}

variable "logs" {
  description = "Group of the Logs service for the server's log; its name begins with s/dbaas/."
  type        = string
  default     = null

  validation {
    condition     = var.logs == null || startswith(coalesce(var.logs, "s/dbaas/"), "s/dbaas/")
    error_message = "The group's name must begin with s/dbaas/."
  }
}

variable "restore" {
  description = "Makes this server from a backup of another one at a moment (RFC 3339), within its retention."
  type = object({
    datastore_id = string
    target_time  = string
  })
  default = null
}
