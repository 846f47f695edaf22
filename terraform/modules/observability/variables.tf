variable "name" {
  description = "Prefix of what is made here."
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

variable "metrics_endpoint" {
  description = "Address of the managed databases' metrics, https://…, as the panel shows it for the pool; null: no scrape job is made."
  type        = string
  default     = null

  validation {
    condition     = var.metrics_endpoint == null || can(regex("^https://[^/]+/.+", coalesce(var.metrics_endpoint, "https://a/b")))
    error_message = "metrics_endpoint is a whole address: https://host/path."
  }
}
