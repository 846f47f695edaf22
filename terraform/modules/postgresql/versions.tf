terraform {
  required_version = ">= 1.11.0"

  required_providers {
    selectel = {
      source  = "selectel/selectel"
      version = ">= 8.3.1, < 9.0.0"
    }
  }
}
