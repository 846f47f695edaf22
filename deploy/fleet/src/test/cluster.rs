//! The suite `cluster`: the chart on a cluster that somebody has, with the stores and the outside world on this machine.
//!
//! What is done to the cluster stands in `tests/cluster`; here is what it needs beside it: stores and the sandbox, a way for pods to
//! reach them, and the program that puts load on the gateway.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::script::python;
use super::{Outcome, tended, undisturbed};
use crate::cargo;
use crate::home::{Home, State, write_json};
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::process::this_program;
use crate::service::SERVICES;
use crate::supervisor::Supervisor;
use crate::up;

/// The package that puts load on the gateway.
const LOAD: &str = "load";
/// The doors of this machine that pods use.
const DOORS: [&str; 7] =
    ["postgres", "redis", "rabbitmq.amqp", "sandbox.http", "sandbox.smtp", "sandbox.s3", "sandbox.otlp"];

/// Which cluster, and how images and pods get where they belong.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "For the suite `cluster`")]
pub(crate) struct Options {
    /// The cluster.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A command that loads an image archive into the nodes, with {} for its path.
    #[arg(long, value_name = "COMMAND", conflicts_with = "registry")]
    load: Option<String>,
    /// A registry that images are pushed to and nodes pull from.
    #[arg(long)]
    registry: Option<String>,
    /// The address of this machine at which pods reach it; found by the way to the API server.
    #[arg(long, value_name = "ADDRESS")]
    stores_address: Option<IpAddr>,
    /// A node whose ports are reached from here, if they do not answer on 127.0.0.1.
    #[arg(long, value_name = "ADDRESS")]
    node: Option<IpAddr>,
    /// The port of the nodes at which the gateway answers.
    #[arg(long, value_name = "PORT", default_value_t = 31_080)]
    node_port: u16,
    /// Only start what the suite needs beside the cluster, and say how its phases are run by hand.
    #[arg(long)]
    hold: bool,
}

pub(super) async fn run(
    home: &Home,
    options: &Options,
    supervisor: &mut Supervisor,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let Some(kubeconfig) = &options.kubeconfig else {
        return Ok(Outcome::CannotRun("it needs a cluster: --kubeconfig FILE".to_owned()));
    };
    let kubeconfig = kubeconfig.canonicalize().with_context(|| format!("cannot read {}", kubeconfig.display()))?;
    let address = match options.stores_address {
        Some(address) => address,
        None => way_to_api_server(&kubeconfig)?,
    };
    let programs = cargo::build(home, &[LOAD], false).await?;
    let mut state = State::load(home)?;
    state.ports.insert("gateway.http".to_owned(), options.node_port);
    state.save(home)?;
    let plan = up::start_outside(home, supervisor, interrupt).await?;
    let mut bridges = JoinSet::new();
    for door in DOORS {
        let port = plan.port(door)?;
        bridge(&mut bridges, SocketAddr::new(address, port), SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)).await?;
    }
    if let Some(node) = options.node {
        let from = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), options.node_port);
        bridge(&mut bridges, from, SocketAddr::new(node, options.node_port)).await?;
    }
    write_json(&home.path("cluster.json"), &describe(&plan, address)?)?;
    println!("\n    pods reach the stores and the sandbox at {address}; the gateway will be {}\n", plan.public_url()?);
    let mut command = python(home);
    command.arg("tests/cluster/run.py");
    let files = [
        ("KUBECONFIG", kubeconfig),
        ("LYCEUM_TOOLS", home.root().join(".fleet/tools")),
        ("LYCEUM_FLEET", home.path("fleet.json")),
        ("LYCEUM_CLUSTER", home.path("cluster.json")),
        ("LYCEUM_LAUNCHER", this_program()?),
        ("LYCEUM_LOAD_PROGRAM", programs.get(LOAD).context("the load was not built")?.clone()),
    ];
    command.envs(files.iter().map(|(name, file)| (name, file)));
    let texts = [("LYCEUM_IMAGE_LOAD", &options.load), ("LYCEUM_REGISTRY", &options.registry)];
    command.envs(texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))));
    if options.hold {
        let set = files.iter().map(|(name, file)| format!("{name}={}", file.display()));
        println!("By hand: {} tests/cluster/run.py [phase…]\nCtrl-C ends it.", set.collect::<Vec<_>>().join(" "));
        return tended(supervisor, async {
            interrupt.asked(1).await;
            Ok(Outcome::Passed)
        })
        .await;
    }
    undisturbed(supervisor, command).await
}

/// What the suite has to know to write values and Secrets: the variables of every service, as they are on this machine.
fn describe(plan: &Plan, address: IpAddr) -> Result<serde_json::Value> {
    let mut services = BTreeMap::new();
    for service in SERVICES {
        let launch = plan.launch(service, PathBuf::new())?;
        let variables = launch.env.into_iter().filter(|(name, _)| name.starts_with("LYCEUM_"));
        services.insert(service.name, variables.collect::<BTreeMap<_, _>>());
    }
    let ports: BTreeMap<&str, u16> =
        DOORS.into_iter().map(|door| Ok((door, plan.port(door)?))).collect::<Result<_>>()?;
    Ok(json!({"address": address, "ports": ports, "nodePort": plan.port("gateway.http")?, "services": services}))
}

/// Our address on the way to the API server: pods come the same way back.
fn way_to_api_server(kubeconfig: &Path) -> Result<IpAddr> {
    let text = std::fs::read_to_string(kubeconfig)?;
    let server = text.lines().find_map(|line| line.trim().strip_prefix("server:")).map(str::trim);
    let url: ureq::http::Uri = server.context("the kubeconfig names no server")?.trim_matches('"').parse()?;
    let host = url.host().context("the kubeconfig's server has no host")?;
    let port = url.port_u16().unwrap_or(443);
    let to = (host, port).to_socket_addrs()?.next().with_context(|| format!("{host} has no address"))?;
    // Nothing is sent: the kernel only says from where it would be.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(to)?;
    let address = socket.local_addr()?.ip();
    if address.is_loopback() {
        bail!("pods do not reach 127.0.0.1: say by --stores-address at which address they reach this machine");
    }
    Ok(address)
}

/// Lets whoever connects to one address talk to another, until the bridges are dropped.
async fn bridge(bridges: &mut JoinSet<()>, from: SocketAddr, to: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(from).await.with_context(|| format!("cannot listen on {from}"))?;
    bridges.spawn(async move {
        let mut crossings = JoinSet::new();
        loop {
            let Ok((mut here, _)) = listener.accept().await else { continue };
            crossings.spawn(async move {
                // Whoever is not there shows as a connection that ends.
                let Ok(mut there) = TcpStream::connect(to).await else { return };
                drop((here.set_nodelay(true), there.set_nodelay(true)));
                drop(copy_bidirectional(&mut here, &mut there).await);
            });
            while crossings.try_join_next().is_some() {}
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_bridge_carries_both_ways_to_the_end() {
        let far = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let near = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
        let mut bridges = JoinSet::new();
        bridge(&mut bridges, near, far.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(near).await.unwrap();
        client.write_all(b"question").await.unwrap();
        let (mut server, _) = far.accept().await.unwrap();
        let mut heard = [0; 8];
        server.read_exact(&mut heard).await.unwrap();
        server.write_all(b"answer").await.unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!((&heard[..], answer.as_str()), (&b"question"[..], "answer"));
    }
}
