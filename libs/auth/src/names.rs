//! Names that several processes must spell alike.

/// Metadata: who asks, as `Bearer` and a person's token, or a service's when it acts by itself.
pub const AUTHORIZATION: &str = "authorization";

/// Metadata: the token of the service that makes the call, whoever it asks for. Without `Bearer`.
pub const VIA: &str = "lyceum-via";

/// Metadata: the address of the client outside. Believed only when [`VIA`] proves the gateway.
pub const CLIENT_ADDRESS: &str = "lyceum-client-address";

/// Metadata: what the client outside calls itself. Believed only when [`VIA`] proves the gateway.
pub const CLIENT_AGENT: &str = "lyceum-client-agent";

/// Metadata: the languages that the client outside prefers.
pub const ACCEPT_LANGUAGE: &str = "accept-language";

/// The service whose word about the outside world is believed.
pub const GATEWAY: &str = "gateway";

/// The audience of people's tokens.
pub const AUDIENCE: &str = "lyceum";

/// The issuer of services' tokens.
pub const SERVICE_ISSUER: &str = "lyceum/services";

/// Redis: the sorted set of sessions that were ended before their tokens ran out (member: session id, score: the Unix
/// second from which no token of it can be alive). Written by users, polled each second by the gateway, both through
/// `cache`.
pub const REVOKED_SESSIONS: &str = "revoked-sessions";

/// The `typ` of people's tokens (RFC 9068), so that no other token signed with the same keys passes for one.
pub(crate) const PERSON_TYPE: &str = "at+jwt";

/// The `typ` of services' tokens.
pub(crate) const SERVICE_TYPE: &str = "lyceum-service+jwt";

/// How far the clocks of two machines may be apart, in seconds.
pub(crate) const LEEWAY: i64 = 30;

/// The service that owns an rpc: `users` for `/lyceum.users.v1.UserService/GetUser` or `lyceum.users.v1.UserService`.
pub(crate) fn owner(path: &str) -> Option<&str> {
    let package = path.strip_prefix('/').unwrap_or(path).strip_prefix("lyceum.")?;
    package.split_once('.').map(|(service, _)| service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rpc_belongs_to_the_service_of_its_package() {
        assert_eq!(owner("/lyceum.users.v1.UserService/GetUser"), Some("users"));
        assert_eq!(owner("lyceum.payments.v1.OrderService"), Some("payments"));
        assert_eq!(owner("/grpc.health.v1.Health/Check"), None);
        assert_eq!(owner("/lyceum"), None);
    }
}
