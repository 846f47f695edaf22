mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

mock_provider "openstack" {
  source          = "../../mocks/openstack"
  override_during = plan
}

variables {
  project_id = "project-1"
  region     = "ru-7"
  prefix     = "lyceum-test"
  users      = { documents = "documents-password", backup = "backup-password" }

  buckets = {
    media   = { name = "school-media", origins = ["https://school.example"], writers = ["documents"], readers = ["backup"], keep_versions_days = 30 }
    backups = { name = "school-backups", region = "ru-3", expire_days = 90, writers = ["backup"], append_only = true, keep_versions_days = 35 }
  }
}

run "a_user_for_each_program" {
  command = plan

  assert {
    condition = alltrue([
      for user in selectel_iam_serviceuser_v1.this :
      join(",", [for role in user.role : "${role.scope} ${role.role_name}"]) == "project object_storage_user"
    ])
    error_message = "More than the buckets' policies give would be too much."
  }

  assert {
    condition     = openstack_objectstorage_container_v1.this["backups"].region == "ru-3" && output.buckets["backups"].endpoint == "https://s3.ru-3.storage.selcloud.ru"
    error_message = "Copies stand in another pool."
  }
}

run "policies_say_who_may_what" {
  command = plan

  assert {
    condition     = [for statement in output.settings["media"].policy.Statement : statement.Sid] == ["readBackup", "readDocuments", "writeDocuments"]
    error_message = "The backup reads media and does not write there."
  }

  assert {
    condition     = one(output.settings["media"].cors[0].AllowedOrigins) == "https://school.example" && length(output.settings["backups"].cors) == 0
    error_message = "Pages reach media only."
  }

  assert {
    condition = alltrue([
      for statement in output.settings["backups"].policy.Statement :
      length(setintersection(statement.Action, ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"])) == 0
    ]) && output.settings["backups"].versioning
    error_message = "Who writes backups can destroy none."
  }
}

run "versions_are_kept_where_it_was_asked_for" {
  command = plan

  variables {
    buckets = {
      media = { name = "school-media", writers = ["documents"], keep_versions_days = 30 }
      logs  = { name = "school-logs", expire_days = 365, writers = ["backup"] }
    }
  }

  assert {
    condition     = output.settings["media"].versioning && !output.settings["logs"].versioning
    error_message = "Versions are kept where it was asked for."
  }
}

run "without_versions_nothing_can_only_be_added" {
  command = plan

  variables {
    buckets = { backups = { name = "school-backups", writers = ["backup"], append_only = true } }
  }

  expect_failures = [var.buckets]
}

run "a_user_that_is_not_there_is_refused" {
  command = plan

  variables {
    buckets = { media = { name = "school-media", writers = ["nobody"] } }
  }

  expect_failures = [var.buckets]
}

run "a_name_that_no_host_can_have_is_refused" {
  command = plan

  variables {
    buckets = { media = { name = "School_Media" } }
  }

  expect_failures = [var.buckets]
}
