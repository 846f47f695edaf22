variable "project_id" {
  description = "Selectel project."
  type        = string
}

variable "zone" {
  description = "The school's domain, without a dot at its end: school.example."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z0-9-]+$", var.zone))
    error_message = "zone is a domain in lower case, without a dot at its end."
  }
}

variable "create_zone" {
  description = "Whether the zone is made here. An environment below a zone of another one (staging.school.example) sets zone_id instead."
  type        = bool
  default     = true
}

variable "zone_id" {
  description = "The zone to write into, where it is not made here."
  type        = string
  default     = null

  validation {
    condition     = var.create_zone != (var.zone_id != null)
    error_message = "Either the zone is made here, or zone_id names one."
  }
}

variable "addresses" {
  description = "IPv4 addresses by name below the zone; \"\" is the zone itself."
  type        = map(string)
}

variable "aliases" {
  description = "CNAMEs by name below the zone, for example cdn = \"<id>.selcdn.net\"."
  type        = map(string)
  default     = {}
}

variable "mail" {
  description = "Who may send mail in the school's name: the SPF rule, the DKIM keys by selector, where DMARC reports go."
  type = object({
    spf     = string
    dkim    = optional(map(string), {})
    reports = string
    policy  = optional(string, "quarantine")
  })
  default = null

  validation {
    condition     = var.mail == null || contains(["none", "quarantine", "reject"], try(var.mail.policy, "none"))
    error_message = "The DMARC policy is none, quarantine or reject."
  }
}

variable "certificate_authorities" {
  description = "Who may issue certificates (CAA)."
  type        = set(string)
  default     = ["letsencrypt.org"]
}

variable "ttl" {
  description = "Seconds for which answers are kept."
  type        = number
  default     = 300

  validation {
    condition     = var.ttl >= 60 && var.ttl <= 604800
    error_message = "ttl is between 60 and 604800 seconds."
  }
}
