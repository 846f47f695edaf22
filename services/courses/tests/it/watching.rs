//! Videos: heartbeats that may come twice, late and in any order, and the place to go on.

use proto::lyceum::{
    courses::v1::{
        GetResumePointRequest, LessonProgress, SendHeartbeatRequest, VideoProgress, WatchedRange,
        lesson_progress::State,
    },
    events::v1::{CourseCompleted, LessonCompleted},
};
use proto::wkt::Duration;
use tonic::Status;
use uuid::Uuid;

use crate::helpers::{Offered, School, reason, seconds_of, section, text, video, violations};

struct Watching {
    school: School,
    offered: Offered,
    learner: Uuid,
}

impl Watching {
    /// A learner before a video of 100 seconds.
    async fn new() -> Self {
        let school = School::new().await;
        let offered = school.offered(vec![section("Начало", vec![video("в", 100), text("а")])]).await;
        let learner = school.learner(&offered.run).await;
        Self { school, offered, learner }
    }

    fn heartbeat(&self, sequence: i64, parts: &[(i64, i64)], position: i64) -> SendHeartbeatRequest {
        let range =
            |(start, end): &(i64, i64)| WatchedRange { start: Some(seconds_of(*start)), end: Some(seconds_of(*end)) };
        SendHeartbeatRequest {
            run_id: self.offered.run.run_id.clone(),
            lesson_id: self.offered.lesson("в"),
            media_id: "media-video".into(),
            player_id: "tab-1".into(),
            sequence,
            client_at: Some((self.school.now() + time::Duration::seconds(sequence)).into()),
            position: Some(seconds_of(position)),
            ranges: parts.iter().map(range).collect(),
            duration: Some(seconds_of(100)),
        }
    }

    async fn send(&self, heartbeat: SendHeartbeatRequest) -> Result<LessonProgress, Status> {
        let mut learning = self.school.learning(self.learner);
        learning.send_heartbeat(heartbeat).await.map(tonic::Response::into_inner)
    }

    async fn watched(&self, sequence: i64, parts: &[(i64, i64)], position: i64) -> LessonProgress {
        self.send(self.heartbeat(sequence, parts, position)).await.unwrap()
    }
}

fn seconds(progress: &LessonProgress) -> (i64, i64, i64) {
    let VideoProgress { position, furthest, watched, .. } = progress.video.clone().unwrap();
    let seconds = |length: Option<Duration>| length.unwrap().seconds;
    (seconds(position), seconds(furthest), seconds(watched))
}

#[tokio::test]
async fn a_video_is_completed_when_enough_of_it_was_watched() {
    let it = Watching::new().await;
    let first = it.watched(1, &[(0, 50)], 50).await;
    assert_eq!((first.state(), first.percent), (State::Started, 50));
    let rewound = it.watched(2, &[(10, 30)], 30).await;
    assert_eq!((seconds(&rewound), rewound.percent), ((30, 50, 50), 50), "watched twice counts once");
    let skipped = it.watched(3, &[(60, 95)], 95).await;
    assert_eq!((skipped.state(), seconds(&skipped)), (State::Started, (95, 95, 85)));
    let enough = it.watched(4, &[(50, 60)], 60).await;
    assert_eq!((enough.state(), enough.percent), (State::Completed, 95));
    let ranges = enough.video.unwrap().ranges;
    assert_eq!((ranges.len(), ranges[0].end), (1, Some(seconds_of(95))));
    it.watched(5, &[(95, 100)], 100).await;
    assert_eq!(it.school.announced::<LessonCompleted>().await.len(), 1);
    assert_eq!(it.school.announced::<CourseCompleted>().await, []);
}

#[tokio::test]
async fn heartbeats_may_come_twice_late_and_at_once() {
    let it = Watching::new().await;
    let beats: Vec<_> = (0..10).map(|n| it.heartbeat(n + 1, &[(n * 10, n * 10 + 10)], n * 10 + 10)).collect();
    let mixed = beats.iter().rev().chain(&beats).cloned().map(|beat| it.send(beat));
    assert!(futures::future::join_all(mixed).await.into_iter().all(|sent| sent.is_ok()));
    let end = it.send(beats[0].clone()).await.unwrap();
    assert_eq!((end.state(), seconds(&end)), (State::Completed, (100, 100, 100)), "the latest position stays");
    assert_eq!(it.school.announced::<LessonCompleted>().await.len(), 1);
}

#[tokio::test]
async fn one_goes_on_where_the_player_stood() {
    let it = Watching::new().await;
    it.watched(1, &[(0, 42)], 42).await;
    let request = GetResumePointRequest { run_id: it.offered.run.run_id.clone() };
    let point = it.school.learning(it.learner).get_resume_point(request).await.unwrap().into_inner();
    assert_eq!((point.title.as_deref(), point.position), (Some("в"), Some(seconds_of(42))));
    let lesson = it.school.lesson(it.learner, &it.offered.run, &it.offered.lesson("в")).await;
    assert_eq!(seconds(&lesson.progress.unwrap()), (42, 42, 42));
}

#[tokio::test]
async fn hostile_heartbeats_are_refused_and_change_nothing() {
    let it = Watching::new().await;
    let known = it.watched(1, &[(0, 10)], 10).await;
    let refused = async |heartbeat: SendHeartbeatRequest| violations(&it.send(heartbeat).await.unwrap_err());
    for parts in [&[(-5, 5)][..], &[(20, 10)], &[(90, 200)], &[(0, i64::from(u32::MAX))], &[(0, 1); 201]] {
        assert_eq!(refused(it.heartbeat(2, parts, 10)).await, ["ranges"], "{parts:?}");
    }
    for position in [-1, 103, i64::from(u32::MAX)] {
        assert_eq!(refused(it.heartbeat(2, &[], position)).await, ["position"], "{position}");
    }
    let nonsense = SendHeartbeatRequest {
        media_id: "".into(),
        player_id: "x".repeat(65),
        client_at: None,
        position: Some(Duration { seconds: i64::MAX, nanos: 0 }),
        ranges: vec![WatchedRange { start: Some(Duration { seconds: 1, nanos: -1 }), end: None }],
        ..it.heartbeat(0, &[], 0)
    };
    let fields = ["media_id", "player_id", "sequence", "client_at", "position", "ranges[0].start", "ranges[0].end"];
    assert_eq!(refused(nonsense).await, fields);
    let lesson = it.school.lesson(it.learner, &it.offered.run, &it.offered.lesson("в")).await;
    assert_eq!(lesson.progress.unwrap().video, known.video);
}

#[tokio::test]
async fn a_replaced_video_is_watched_anew() {
    let it = Watching::new().await;
    it.watched(1, &[(0, 50)], 50).await;
    let other = SendHeartbeatRequest { media_id: "media-other".into(), ..it.heartbeat(2, &[(0, 1)], 1) };
    assert_eq!(reason(&it.send(other.clone()).await.unwrap_err()), "MEDIA_CHANGED");
    let longer = SendHeartbeatRequest { duration: Some(seconds_of(300)), ..it.heartbeat(2, &[(0, 1)], 1) };
    assert_eq!(reason(&it.send(longer).await.unwrap_err()), "MEDIA_CHANGED");

    let mut sections = it.offered.draft.sections.clone();
    let Some(proto::lyceum::courses::v1::draft_lesson::Content::Video(content)) = &mut sections[0].lessons[0].content
    else {
        panic!("no video")
    };
    content.media_id = "media-other".into();
    it.school.draft(&it.offered.course, sections).await;
    it.school.publish(&it.offered.course).await;
    it.school.publish_run(&it.offered.run.run_id).await;
    assert_eq!(seconds(&it.send(other).await.unwrap()), (1, 1, 1));
    let old = it.heartbeat(3, &[(50, 100)], 100);
    assert_eq!(reason(&it.send(old).await.unwrap_err()), "MEDIA_CHANGED");
}

#[tokio::test]
async fn only_a_video_has_heartbeats() {
    let it = Watching::new().await;
    let text = SendHeartbeatRequest { lesson_id: it.offered.lesson("а"), ..it.heartbeat(1, &[], 0) };
    assert_eq!(reason(&it.send(text).await.unwrap_err()), "NOT_A_VIDEO");
    let stranger = it.school.learning(Uuid::new_v4()).send_heartbeat(it.heartbeat(1, &[], 0)).await.unwrap_err();
    assert_eq!(reason(&stranger), "LESSON_LOCKED");
}
