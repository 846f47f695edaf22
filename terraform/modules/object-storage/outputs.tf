output "buckets" {
  description = "Where each bucket is: name, region, endpoint."
  value = {
    for purpose, settings in local.settings : purpose => {
      name     = openstack_objectstorage_container_v1.this[purpose].name
      region   = settings.region
      endpoint = settings.endpoint
    }
  }
}

output "settings" {
  description = "CORS, lifecycle, versioning and policy of each bucket, for apply-settings.py."
  value       = local.settings
}

output "keys" {
  description = "S3 keys by user."
  value = {
    for user, credentials in selectel_iam_s3_credentials_v1.this : user => {
      access_key = credentials.access_key
      secret_key = credentials.secret_key
    }
  }
  sensitive = true
}
