# Names of pools and zones: see the provider's availability matrix.
region      = "ru-7"
copy_region = "ru-3"
zones       = ["ru-7a"]

domain        = "staging.school.example"
zone          = "school.example"
school_name   = "Lyceum (staging)"
kube_version  = "1.34.1"
bucket_prefix = "school-example-staging"

# For whom backups are encrypted: the officers' key of deploy/backup/SETUP.md. Nothing is planned without.
# backup_recipients = ["age1…"]
