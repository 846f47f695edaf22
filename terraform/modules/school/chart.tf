# What the chart is told of all this: plain values, and the Secrets that they name.

locals {
  registry = {
    address            = var.registry_name != null ? module.registry[var.registry_name].address : nonsensitive(var.registry.address)
    pull_docker_config = var.registry_name != null ? module.registry[var.registry_name].pull_docker_config : var.registry.pull_docker_config
  }

  # Where each service's database stands.
  server = merge([for name, server in var.postgresql : { for service in server.services : service => name }]...)

  stores = [{ ipBlock = { cidr = module.network.data_cidr } }]

  media  = module.object_storage.buckets["media"]
  copies = module.object_storage.buckets["copies"]

  # The chart calls RabbitMQ's object so, and the operator its Service and its pods.
  broker = "lyceum-rabbitmq"

  authority = { existingSecret = "lyceum-stores-ca", key = "ca.crt" }

  configuration = {
    # The ingress or Gateway that the-school.yaml names, and nobody else, stands before it.
    gateway       = { TRUSTED_PROXIES = "1" }
    notifications = { MAIL_FROM = "${var.school_name} <no-reply@${var.domain}>" }
    documents = merge(
      {
        S3_URL        = local.media.endpoint
        S3_REGION     = local.media.region
        S3_BUCKET     = local.media.name
        S3_ADDRESSING = "virtual"
      },
      var.cdn_url == null ? {} : { CDN_URL = var.cdn_url, CDN_SCHEME = "code-word" },
    )
  }

  chart_values = merge(
    {
      global = {
        publicUrl  = "https://api.${var.domain}"
        schoolName = var.school_name
        schoolZone = var.school_zone
        # Secrets and policies below know the broker by its name.
        fullnameOverride = "lyceum"
        image = {
          registry = split("/", local.registry.address)[0]
          # `cargo fleet images --push REGISTRY` puts every image under lyceum/ there.
          prefix      = join("/", concat(slice(split("/", local.registry.address), 1, length(split("/", local.registry.address))), ["lyceum"]))
          pullSecrets = ["lyceum-registry"]
        }
        database = {
          # Every service names its own server below; this is for what the chart adds one day.
          host           = values(module.postgresql)[0].host
          port           = values(module.postgresql)[0].port
          sslmode        = "verify-full"
          existingSecret = "lyceum-database"
          ca             = local.authority
        }
        redis = { existingSecret = "lyceum-redis", ca = local.authority }
        # By the authority that cert-manager makes for the namespace.
        amqp = { existingSecret = local.broker, ca = { existingSecret = "${local.broker}-tls", key = "ca.crt" } }
        tls  = { enabled = true }
      }
      # Stores are looked for in their subnet only.
      networkPolicy = {
        database = { to = local.stores }
        redis    = { to = local.stores, ports = [module.redis.port] }
        # In the cluster: Cilium matches pods by selectors only.
        amqp      = { to = [{ podSelector = { matchLabels = { "app.kubernetes.io/name" = local.broker } } }], ports = [5671] }
        apiServer = { cilium = true }
      }
      # Selectel offers no RabbitMQ. Names and addresses pass through it.
      operators = {
        rabbitmq = merge(module.kubernetes.placement[lookup(var.placement, "users", "general")], {
          enabled  = true
          replicas = var.rabbitmq.replicas
          storage  = { size = var.rabbitmq.storage }
          tls      = { enabled = true }
        })
      }
      backup = {
        enabled    = true
        recipients = var.backup_recipients
        # In another place, by a key that cannot touch the originals.
        s3 = { url = local.copies.endpoint, region = local.copies.region, bucket = local.copies.name, existingSecret = "lyceum-backup" }
      }
      egressProxy = merge(module.kubernetes.placement["general"], {
        # Virtual-hosted addresses put the bucket before the object store's host.
        allow = ["${local.media.name}.${trimprefix(local.media.endpoint, "https://")}"]
      })
    },
    {
      for service in local.services : service => merge(
        module.kubernetes.placement[lookup(var.placement, service, "general")],
        contains(keys(local.server), service) ? {
          database = {
            host = module.postgresql[local.server[service]].host
            port = module.postgresql[local.server[service]].port
          }
        } : {},
        contains(keys(local.configuration), service) ? { config = local.configuration[service] } : {},
        service == "documents" && var.cdn_url != null ? { secrets = { CDN_SECRET = { secret = "lyceum-cdn", key = "secret" } } } : {},
      )
    },
  )

  # Secrets of the release's namespace: name, then key, then value.
  kubernetes_secrets = merge({
    lyceum-database = { for service in local.keepers : service => var.secrets.databases[service] }
    lyceum-redis    = { url = "rediss://:${var.secrets.redis}@${module.redis.host}:${module.redis.port}/0" }
    # The operator makes the user of it, and the services come by the address.
    (local.broker) = {
      username            = "lyceum"
      password            = var.secrets.rabbitmq
      host                = local.broker
      port                = "5671"
      provider            = "rabbitmq"
      type                = "rabbitmq"
      "default_user.conf" = "default_user = lyceum\ndefault_pass = ${var.secrets.rabbitmq}\n"
      url                 = "amqps://lyceum:${var.secrets.rabbitmq}@${local.broker}:5671/%2f"
    }
    # Public, and named like a secret because it comes the same way.
    lyceum-stores-ca = { "ca.crt" = var.stores_ca }
    lyceum-backup = {
      access-key = module.object_storage.keys["copier"].access_key
      secret-key = module.object_storage.keys["copier"].secret_key
    }
    lyceum-s3 = {
      access-key = module.object_storage.keys["documents"].access_key
      secret-key = module.object_storage.keys["documents"].secret_key
    }
    lyceum-registry = { ".dockerconfigjson" = local.registry.pull_docker_config }
  }, nonsensitive(var.secrets.cdn == null) ? {} : { lyceum-cdn = { secret = var.secrets.cdn } })

  secret_manifests = [
    for name, values in local.kubernetes_secrets : yamlencode({
      apiVersion = "v1"
      kind       = "Secret"
      metadata   = { name = name, labels = { "app.kubernetes.io/managed-by" = "terraform", "app.kubernetes.io/part-of" = "lyceum" } }
      type       = contains(keys(values), ".dockerconfigjson") ? "kubernetes.io/dockerconfigjson" : "Opaque"
      stringData = values
    })
  ]
}
