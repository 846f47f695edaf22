mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

variables {
  name       = "lyceum-test"
  project_id = "project-1"
  region     = "ru-7"
  subnet_id  = "subnet-1"
  flavor     = { vcpus = 2, ram = 4096, disk = 32 }
  databases  = ["users", "payments"]
  passwords  = { users = "users-password-of-24-letters", payments = "payments-password-of-24-letters" }
}

run "each_service_owns_its_database" {
  command = plan

  assert {
    condition     = toset(keys(selectel_dbaas_postgresql_database_v1.this)) == toset(["users", "payments"])
    error_message = "A database for each service."
  }

  assert {
    condition     = alltrue([for name, database in selectel_dbaas_postgresql_database_v1.this : database.name == name && database.owner_id == selectel_dbaas_user_v1.this[name].id])
    error_message = "Database and role are called like the service, and the role owns the database."
  }

  assert {
    condition     = output.host == "master.postgresql-1.c.dbaas.selcloud.ru" && output.port == 5432
    error_message = "Services go to the server itself, by the name that follows the primary."
  }
}

run "nothing_of_it_is_on_the_internet" {
  command = plan

  assert {
    condition     = alltrue([for ips in selectel_dbaas_postgresql_datastore_v1.this.floating_ips : ips.master == 0 && ips.replica == 0])
    error_message = "A floating address would put it there."
  }
}

run "a_restore_names_where_from_and_when" {
  command = plan

  variables {
    restore = { datastore_id = "postgresql-0", target_time = "2026-11-26T12:00:00Z" }
  }

  assert {
    condition     = one([for restore in selectel_dbaas_postgresql_datastore_v1.this.restore : restore.target_time]) == "2026-11-26T12:00:00Z"
    error_message = "The moment must reach the provider."
  }
}

run "extensions_belong_to_databases" {
  command = plan

  variables {
    extensions = { users = ["pg_trgm"] }
  }

  assert {
    condition     = keys(selectel_dbaas_postgresql_extension_v1.this) == ["users/pg_trgm"]
    error_message = "One extension in one database."
  }
}

run "a_short_password_is_refused" {
  command = plan

  variables {
    passwords = { users = "short", payments = "payments-password-of-24-letters" }
  }

  expect_failures = [var.passwords]
}

run "a_database_without_a_password_is_refused" {
  command = plan

  variables {
    passwords = { users = "users-password-of-24-letters" }
  }

  expect_failures = [var.passwords]
}

run "seven_days_at_least" {
  command = plan

  variables {
    backup_retention_days = 1
  }

  expect_failures = [var.backup_retention_days]
}
