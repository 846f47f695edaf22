resource "openstack_objectstorage_container_v1" "this" {
  for_each = var.buckets

  name   = each.value.name
  region = coalesce(each.value.region, var.region)

  lifecycle {
    prevent_destroy = true
  }
}

# Each program has a user of its own, who may do nothing but what the buckets' policies say.
resource "selectel_iam_serviceuser_v1" "this" {
  for_each = local.users

  name     = "${var.prefix}-s3-${each.value}"
  password = var.users[each.value]

  role {
    role_name  = "object_storage_user"
    scope      = "project"
    project_id = var.project_id
  }
}

resource "selectel_iam_s3_credentials_v1" "this" {
  for_each = local.users

  name       = "${var.prefix}-${each.value}"
  project_id = var.project_id
  user_id    = selectel_iam_serviceuser_v1.this[each.value].id
}

locals {
  users = nonsensitive(toset(keys(var.users)))

  read  = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"]
  add   = ["s3:PutObject", "s3:AbortMultipartUpload"]
  write = concat(local.add, ["s3:DeleteObject"])

  # Neither provider can say these of a bucket; `apply-settings.py` beside this file does, by the S3 API.
  settings = {
    for purpose, bucket in var.buckets : purpose => {
      bucket     = bucket.name
      region     = coalesce(bucket.region, var.region)
      endpoint   = "https://s3.${coalesce(bucket.region, var.region)}.storage.selcloud.ru"
      versioning = bucket.keep_versions_days > 0
      cors = length(bucket.origins) == 0 ? [] : [{
        AllowedOrigins = bucket.origins
        AllowedMethods = ["GET", "HEAD", "PUT"]
        # What the signed links of documents cover.
        AllowedHeaders = ["content-type", "content-length", "x-amz-checksum-sha256", "range"]
        ExposeHeaders  = ["etag"]
        MaxAgeSeconds  = 3600
      }]
      lifecycle = concat(
        [{
          ID                             = "unfinished"
          Status                         = "Enabled"
          Filter                         = { Prefix = "" }
          AbortIncompleteMultipartUpload = { DaysAfterInitiation = 2 }
        }],
        [for days in bucket.expire_days[*] : {
          ID         = "expired"
          Status     = "Enabled"
          Filter     = { Prefix = "" }
          Expiration = { Days = days }
        }],
        [for days in [bucket.keep_versions_days] : {
          ID                          = "old-versions"
          Status                      = "Enabled"
          Filter                      = { Prefix = "" }
          NoncurrentVersionExpiration = { NoncurrentDays = days }
        } if days > 0],
      )
      policy = {
        Version = "2012-10-17"
        Statement = concat(
          [for user in sort(setunion(bucket.readers, bucket.writers)) : {
            Sid       = "read${title(user)}"
            Effect    = "Allow"
            Principal = { AWS = [selectel_iam_serviceuser_v1.this[user].id] }
            Action    = local.read
            Resource  = ["arn:aws:s3:::${bucket.name}", "arn:aws:s3:::${bucket.name}/*"]
          }],
          [for user in sort(bucket.writers) : {
            Sid       = "write${title(user)}"
            Effect    = "Allow"
            Principal = { AWS = [selectel_iam_serviceuser_v1.this[user].id] }
            Action    = bucket.append_only ? local.add : local.write
            Resource  = ["arn:aws:s3:::${bucket.name}/*"]
          }],
        )
      }
    }
  }
}
