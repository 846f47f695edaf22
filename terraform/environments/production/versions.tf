terraform {
  # use_lockfile, the lock that needs nothing but the bucket, came with 1.11.
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

  # The bucket is made once, by hand: see ../../README.md. Its key comes as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
  backend "s3" {
    bucket       = "lyceum-terraform"
    key          = "production/terraform.tfstate"
    region       = "ru-7"
    use_lockfile = true
    # The bucket's name stands in the path: the lock file and the state are small, and nobody reads them in a browser.
    use_path_style = true

    endpoints = {
      s3 = "https://s3.ru-7.storage.selcloud.ru"
    }

    # Questions to Amazon that nobody answers here.
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_s3_checksum            = true
  }
}
