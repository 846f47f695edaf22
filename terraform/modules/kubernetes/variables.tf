variable "name" {
  description = "Name of the cluster."
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

variable "zones" {
  description = "Availability zones (pool segments) of the region in which nodes stand."
  type        = list(string)

  validation {
    condition     = length(var.zones) > 0 && length(distinct(var.zones)) == length(var.zones)
    error_message = "Name at least one zone, and none of them twice."
  }

  validation {
    condition     = alltrue([for zone in var.zones : startswith(zone, var.region)])
    error_message = "Every zone must belong to the region: ru-7a belongs to ru-7."
  }
}

variable "network_id" {
  description = "Private network of the cluster."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of the nodes."
  type        = string
}

variable "kube_version" {
  description = "Version of Kubernetes as MKS offers it, for example 1.34.1. Minor versions go up one step at a time."
  type        = string

  validation {
    condition     = can(regex("^1\\.(3[1-9])\\.\\d+$", var.kube_version))
    error_message = "kube_version must be a full version from 1.31 on, for example 1.34.1: the chart is checked for 1.31 to 1.35."
  }
}

variable "cluster_type" {
  description = "BASIC: one control plane node, for trying. HIGH_AVAILABILITY: three in one zone. HIGH_AVAILABILITY_MULTI_AZ: three in three zones."
  type        = string
  default     = "HIGH_AVAILABILITY_MULTI_AZ"

  validation {
    condition     = contains(["BASIC", "HIGH_AVAILABILITY", "HIGH_AVAILABILITY_MULTI_AZ"], var.cluster_type)
    error_message = "cluster_type is BASIC, HIGH_AVAILABILITY or HIGH_AVAILABILITY_MULTI_AZ."
  }

  validation {
    condition     = var.cluster_type != "HIGH_AVAILABILITY_MULTI_AZ" || length(var.zones) >= 3
    error_message = "A control plane in three zones makes sense only with nodes in three zones."
  }
}

variable "private_api" {
  description = "Whether the Kubernetes API is reached from the private network only. CI then needs a runner or the GitLab agent inside."
  type        = bool
  default     = true
}

variable "maintenance_window_start" {
  description = "When maintenance begins, hh:mm:ss in UTC."
  type        = string
  default     = "00:00:00"
}

variable "keypair_name" {
  description = "SSH key of the nodes; none by default: nodes are replaced, not repaired by hand."
  type        = string
  default     = null
}

variable "oidc" {
  description = "Identity provider of the people who use kubectl."
  type = object({
    provider_name  = string
    issuer_url     = string
    client_id      = string
    username_claim = optional(string, "email")
    groups_claim   = optional(string, "groups")
    ca_certs       = optional(string)
  })
  default = null
}

variable "pools" {
  description = <<-TEXT
    Pools of nodes. Each pool is one node group per zone, because a group of MKS stands in one zone.
    min and max count nodes per zone. `restricted` pools take only pods that tolerate the taint lyceum/pool=<pool>:NoSchedule.
  TEXT
  type = map(object({
    cpus         = number
    ram_mb       = number
    volume_gb    = optional(number, 60)
    volume_type  = optional(string, "fast")
    local_volume = optional(bool, false)
    min          = number
    max          = number
    restricted   = optional(bool, false)
    preemptible  = optional(bool, false)
    zones        = optional(list(string))
    labels       = optional(map(string), {})
  }))

  validation {
    condition     = alltrue([for pool in var.pools : pool.min >= 1 && pool.min <= pool.max])
    error_message = "Each pool needs 1 <= min <= max."
  }

  validation {
    condition     = anytrue([for pool in var.pools : !pool.restricted])
    error_message = "One pool must not be restricted: the cluster's own pods have to stand somewhere."
  }

  validation {
    condition     = alltrue([for pool in var.pools : !(pool.restricted && pool.preemptible)])
    error_message = "Personal data and payments do not stand on nodes that may be taken away at any moment."
  }

  validation {
    condition     = alltrue([for name, _ in var.pools : can(regex("^[a-z][a-z0-9-]{0,30}$", name))])
    error_message = "A pool's name becomes the value of a label: lower-case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue(flatten([for pool in var.pools : [for zone in coalesce(pool.zones, []) : contains(var.zones, zone)]]))
    error_message = "A pool may stand only in the zones of the cluster."
  }
}
