# Kept by `terraform init`; checksums are written by `.ci/terraform ENVIRONMENT lock`, where the mirror is reached.

provider "registry.terraform.io/selectel/selectel" {
  version     = "8.3.1"
  constraints = ">= 8.3.1, < 9.0.0"
}

provider "registry.terraform.io/terraform-provider-openstack/openstack" {
  version     = "3.4.0"
  constraints = ">= 1.54.1, < 4.0.0"
}
