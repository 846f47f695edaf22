variable "name" {
  description = "Prefix of everything that is made here, for example lyceum-production."
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

variable "nodes_cidr" {
  description = "Addresses of the cluster's nodes."
  type        = string
  default     = "10.20.0.0/20"

  validation {
    condition     = can(cidrhost(var.nodes_cidr, 0)) && try(tonumber(split("/", var.nodes_cidr)[1]) <= 24, false)
    error_message = "nodes_cidr must be an IPv4 range of /24 or wider: rolling updates need room beside the running nodes."
  }
}

variable "data_cidr" {
  description = "Addresses of managed PostgreSQL and Redis. It must not overlap nodes_cidr."
  type        = string
  default     = "10.20.16.0/24"

  validation {
    condition     = can(cidrhost(var.data_cidr, 0))
    error_message = "data_cidr must be an IPv4 range."
  }
}

variable "dns_nameservers" {
  description = "Resolvers that subnets hand out; Selectel's own by default."
  type        = list(string)
  default     = ["188.93.16.19", "188.93.17.19"]
}

variable "external_network" {
  description = "Name of the pool's network that leads to the Internet."
  type        = string
  default     = "external-network"
}
