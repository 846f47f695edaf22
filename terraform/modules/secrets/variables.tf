variable "project_id" {
  description = "Selectel project."
  type        = string
}

variable "prefix" {
  description = "Begins every key, so that environments of one project do not meet."
  type        = string
}

variable "secrets" {
  description = "Values by key. Several values of one Kubernetes Secret are kept as one JSON object."
  type        = map(string)
  sensitive   = true

  validation {
    condition     = alltrue([for value in values(var.secrets) : length(value) <= 65536])
    error_message = "Secrets Manager takes at most 65536 characters for a value."
  }
}

variable "descriptions" {
  description = "What a secret is for, by key."
  type        = map(string)
  default     = {}
}

variable "certificates" {
  description = "Certificates by name: the chain as PEM texts, leaf first, and the PKCS#8 key. For names whose certificate cert-manager does not get."
  type = map(object({
    chain       = list(string)
    private_key = string
  }))
  default   = {}
  sensitive = true
}
