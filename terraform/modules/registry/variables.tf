variable "name" {
  description = "Name of the registry: the path of every image begins with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.name))
    error_message = "At most 20 lower-case letters, digits and hyphens, the first a letter."
  }
}

variable "project_id" {
  description = "Selectel project."
  type        = string
}

variable "tokens_expire_at" {
  description = "When the tokens of CI and of the cluster end (RFC 3339); null for never. A new moment makes new tokens."
  type        = string
  default     = null

  validation {
    condition     = var.tokens_expire_at == null || can(timeadd(var.tokens_expire_at, "0s"))
    error_message = "tokens_expire_at must be a moment as 2027-12-31T00:00:00Z."
  }
}
