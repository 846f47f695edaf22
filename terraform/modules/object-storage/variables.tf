variable "project_id" {
  description = "Selectel project."
  type        = string
}

variable "region" {
  description = "Pool of the buckets that do not name another one, for example ru-7."
  type        = string
}

variable "buckets" {
  description = <<-TEXT
    Buckets by purpose. A name is unique in its pool across all customers. `region` puts a bucket into another pool: copies of backups.
    origins: sites whose pages upload and download by signed links (CORS). expire_days: objects go after so many days.
    keep_versions_days: what was overwritten or deleted is kept so long (versioning); 0 turns versioning off.
    writers and readers: users (keys of `users`) who may change or read objects. append_only: writers may not delete either, and what
    they overwrite stays as a version, so that whoever steals their key destroys nothing.
  TEXT
  type = map(object({
    name               = string
    region             = optional(string)
    origins            = optional(list(string), [])
    expire_days        = optional(number)
    keep_versions_days = optional(number, 0)
    append_only        = optional(bool, false)
    writers            = optional(set(string), [])
    readers            = optional(set(string), [])
  }))

  validation {
    condition     = alltrue([for bucket in var.buckets : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", bucket.name))])
    error_message = "A bucket's name is a DNS label of 3 to 63 characters: virtual-hosted addresses, which CORS needs, are made of it."
  }

  validation {
    condition     = alltrue(flatten([for bucket in var.buckets : [for origin in bucket.origins : startswith(origin, "https://")]]))
    error_message = "Origins begin with https://."
  }

  validation {
    condition     = alltrue([for bucket in var.buckets : !bucket.append_only || bucket.keep_versions_days > 0])
    error_message = "append_only needs versions: without them what is overwritten is gone."
  }

  validation {
    condition     = alltrue(flatten([for bucket in var.buckets : [for user in setunion(bucket.writers, bucket.readers) : contains(keys(var.users), user)]]))
    error_message = "writers and readers are keys of `users`."
  }
}

variable "users" {
  description = "Service users whose S3 keys are made here: the password of each by purpose."
  type        = map(string)
  sensitive   = true
}

variable "prefix" {
  description = "Begins the names of the service users."
  type        = string
}
