# Names of pools and zones: see the provider's availability matrix, also for which of them have three zones.
region      = "ru-7"
copy_region = "ru-3"
zones       = ["ru-7a", "ru-7b", "ru-7c"]

domain        = "school.example"
school_name   = "Lyceum"
kube_version  = "1.34.1"
bucket_prefix = "school-example"

# For whom backups are encrypted: the officers' key of deploy/backup/SETUP.md. Nothing is planned without.
# backup_recipients = ["age1…"]
