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
  description = "Version of Redis; null for the only one that is offered."
  type        = string
  default     = null
}

variable "node_count" {
  description = "Members, 1 to 3."
  type        = number
  default     = 3

  validation {
    condition     = var.node_count >= 1 && var.node_count <= 3
    error_message = "Managed Redis has 1 to 3 nodes."
  }
}

variable "flavor" {
  description = "Size of each member: ram in MB, disk in GB. It must be one of the offered ones."
  type = object({
    vcpus = number
    ram   = number
    disk  = number
  })
}

variable "password" {
  description = "Password of the server."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{24,}$", var.password))
    error_message = "The password needs 24 characters or more, of letters, digits, - and _: it becomes a part of a URL."
  }
}

variable "backup_retention_days" {
  description = "How long backups are kept. Redis holds nothing that cannot be made anew, but sessions that were ended."
  type        = number
  default     = 7
}
