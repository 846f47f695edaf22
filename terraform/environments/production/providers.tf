provider "selectel" {
  auth_url    = var.auth_url
  auth_region = var.region
  domain_name = var.account_id
  username    = var.username
  password    = var.password
  project_id  = var.project_id
  region      = var.region
}

provider "openstack" {
  auth_url            = var.auth_url
  project_domain_name = var.account_id
  user_domain_name    = var.account_id
  tenant_id           = var.project_id
  user_name           = var.username
  password            = var.password
  region              = var.region
}
