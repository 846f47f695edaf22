use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use notifications::flows;
use notifications::users::Users;
use proto::lyceum::users::v1::{ExportProfilesRequest, ExportedProfile};
use testkit::serve;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use uuid::Uuid;

use crate::helpers::{World, profile};

/// A users service that knows these profiles and breaks off after some of them, if told to.
#[derive(Clone)]
struct Neighbour {
    profiles: Vec<ExportedProfile>,
    cuts: Arc<Mutex<Vec<usize>>>,
}

impl NamedService for Neighbour {
    const NAME: &'static str = "lyceum.users.v1.UserService";
}

impl tower::Service<http::Request<Body>> for Neighbour {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        assert_eq!(request.uri().path(), "/lyceum.users.v1.UserService/ExportProfiles");
        let neighbour = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).server_streaming(neighbour, request).await) })
    }
}

impl ServerStreamingService<ExportProfilesRequest> for Neighbour {
    type Response = ExportedProfile;
    type ResponseStream = BoxStream<'static, Result<ExportedProfile, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<ExportProfilesRequest>) -> Self::Future {
        let after = request.into_inner().after_user_id;
        let left = self.profiles.iter().filter(|profile| profile.user_id > after).cloned().map(Ok);
        let answer: Vec<_> = match self.cuts.lock().unwrap().pop() {
            Some(cut) => left.take(cut).chain([Err(Status::unavailable("restarted"))]).collect(),
            None => left.collect(),
        };
        Box::pin(async move {
            let stream: Self::ResponseStream = Box::pin(stream::iter(answer));
            Ok(Response::new(stream))
        })
    }
}

fn exported(user: Uuid, version: i64, erased: bool) -> ExportedProfile {
    let profile = profile(user, "ru");
    let text = |text: String| (!erased).then_some(text);
    ExportedProfile {
        user_id: profile.user_id,
        display_name: text(profile.display_name),
        email: text(profile.email),
        email_confirmed: profile.email_confirmed,
        language: profile.language,
        time_zone: profile.time_zone,
        version,
        erased,
    }
}

/// Copies from a neighbour that has these profiles.
async fn copy(world: &World, mut profiles: Vec<ExportedProfile>, cuts: &[usize]) -> anyhow::Result<u64> {
    profiles.sort_by(|left, right| left.user_id.cmp(&right.user_id));
    let neighbour = Neighbour { profiles, cuts: Arc::new(Mutex::new(cuts.to_vec())) };
    // The door is guarded: only a service with its own key comes in.
    let door = serve(Routes::new(neighbour), world.fleet.layer()).await;
    flows::copy_recipients::run(&world.app, &Users::new(door.to(world.fleet.service()))).await
}

#[tokio::test]
async fn lost_profiles_are_copied_from_their_owner() {
    let world = World::new().await;
    let (user, erased) = (Uuid::new_v4(), Uuid::new_v4());
    let copied = copy(&world, vec![exported(user, 3, false), exported(erased, 7, true)], &[]).await;
    assert_eq!(copied.unwrap(), 2);
    assert_eq!(
        world.count("select count(*) from recipients where email = 'anna@example.org' and version = 3").await,
        1
    );
    assert_eq!(world.count("select count(*) from recipients where erased_at is not null and email = ''").await, 1);
    world.tell(user).await;
    assert_eq!(world.deliveries().await.len(), 1);
}

#[tokio::test]
async fn an_export_that_is_cut_off_goes_on_where_it_was() {
    let world = World::new().await;
    let profiles = (0..25).map(|_| exported(Uuid::new_v4(), 1, false)).collect();
    assert_eq!(copy(&world, profiles, &[4, 10]).await.unwrap(), 25);
    assert_eq!(world.count("select count(*) from recipients").await, 25);
}

#[tokio::test]
async fn an_export_that_does_not_move_on_is_given_up() {
    let world = World::new().await;
    assert!(copy(&world, vec![exported(Uuid::new_v4(), 1, false)], &[0]).await.is_err());
}

#[tokio::test]
async fn a_copy_does_not_undo_what_events_have_told_since() {
    let world = World::new().await;
    let user = Uuid::new_v4();
    world.knows(user, "en").await;
    copy(&world, vec![exported(user, 0, false)], &[]).await.unwrap();
    assert_eq!(world.count("select count(*) from recipients where language = 'en' and version = 1").await, 1);
}
