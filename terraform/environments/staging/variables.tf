# Who asks. CI gives these as TF_VAR_…; they stand in no file.

variable "account_id" {
  description = "Number of the Selectel account."
  type        = string
}

variable "username" {
  description = "Service user with the roles member (project) and iam_admin (account)."
  type        = string
}

variable "password" {
  description = "Password of the service user."
  type        = string
  sensitive   = true
}

variable "project_id" {
  description = "Selectel project of this environment."
  type        = string
}

variable "secrets" {
  description = "See modules/school; `terraform/make-secrets` makes them."
  type = object({
    databases = map(string)
    redis     = string
    rabbitmq  = string
    s3        = map(string)
    cdn       = optional(string)
  })
  sensitive = true
}

# What this environment is. The values stand in terraform.tfvars.

variable "auth_url" {
  description = "Keystone."
  type        = string
  default     = "https://cloud.api.selcloud.ru/identity/v3/"
}

variable "region" {
  description = "Pool."
  type        = string
}

variable "copy_region" {
  description = "Pool of the copies of backups."
  type        = string
}

variable "zones" {
  description = "Availability zones."
  type        = list(string)
}

variable "domain" {
  description = "The school's domain."
  type        = string
}

variable "school_name" {
  description = "The school's name."
  type        = string
}

variable "kube_version" {
  description = "Version of Kubernetes."
  type        = string
}

variable "bucket_prefix" {
  description = "Begins the buckets' names."
  type        = string
}

variable "stores_ca" {
  description = "Certificate authority of the managed stores, in PEM; CI gives it as TF_VAR_stores_ca."
  type        = string
}

variable "backup_recipients" {
  description = "age recipients for whom backups are encrypted."
  type        = list(string)
}

variable "cdn_url" {
  description = "https://… of the CDN; null for none."
  type        = string
  default     = null
}

variable "metrics_endpoint" {
  description = "Address of the managed databases' metrics; null for no scrape job."
  type        = string
  default     = null
}

variable "zone" {
  description = "The DNS zone that production made."
  type        = string
}

variable "zone_id" {
  description = "Its id: production's output zone_id."
  type        = string
}

variable "registry" {
  description = "Production's registry: address and pull_docker_config of its output registry."
  type = object({
    address            = string
    pull_docker_config = string
  })
  sensitive = true
}
