terraform {
  required_version = ">= 1.11.0"

  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = ">= 1.54.1, < 4.0.0"
    }
    selectel = {
      source  = "selectel/selectel"
      version = ">= 8.3.1, < 9.0.0"
    }
  }
}
