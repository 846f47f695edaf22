//! How people want to be told: at once in an open browser, later, or not at all.

use anyhow::Result;
use journeys::Wire;
use people::{Course, Person, School, Seen};
use proto::lyceum::notifications::v1::notification::Kind;
use serde_json::json;

/// Opens the live feed and gives its first event as text.
async fn watch(person: &Person, after: Option<&str>) -> reqwest::Response {
    let address = person.school.address("/v1/notifications/watch");
    let token = person.token().await;
    let mut request = person.school.http().get(address).bearer_auth(token).header("accept", "text/event-stream");
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let answer = request.send().await.expect("the gateway answers");
    assert_eq!(answer.status(), 200);
    answer
}

/// Waits until the feed tells of two courses.
async fn two_starts(learner: &Person) -> Result<()> {
    let look = learner.school.eventually("the second entry in the feed", async || {
        let found = learner.notices(Kind::EnrolmentStarted).await?.len();
        Ok(Seen::found(Some(()).filter(|()| found == 2), &format!("{found} entries")))
    });
    look.await
}

/// Reads until an event with data has come.
async fn next_event(feed: &mut reqwest::Response) -> String {
    let reading = async {
        let mut text = String::new();
        loop {
            let chunk = feed.chunk().await.expect("the stream goes on").expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&chunk));
            if text.contains("data: ") && text.ends_with("\n\n") {
                return text;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), reading).await.expect("an event within ten seconds")
}

#[tokio::test]
async fn an_open_browser_is_told_at_once_and_goes_on_where_it_was_cut_off() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let first = Course::publish(&manager, "Первый в ленте").await?;
    let second = Course::publish(&manager, "Второй в ленте").await?;
    let learner = school.learner().await?;
    let mut feed = watch(&learner, None).await;
    manager.enrol(&learner, &first.run_id).await?;
    let event = next_event(&mut feed).await;
    assert!(event.contains("Первый в ленте"), "{event}");
    let id = event.lines().find_map(|line| line.strip_prefix("id: ")).expect("events have ids").to_owned();
    drop(feed);
    manager.enrol(&learner, &second.run_id).await?;
    two_starts(&learner).await?;
    let event = next_event(&mut watch(&learner, Some(&id)).await).await;
    assert!(event.contains("Второй в ленте") && !event.contains("Первый в ленте"), "{event}");
    Ok(())
}

#[tokio::test]
async fn a_link_in_a_mail_ends_mails_of_that_kind_and_no_others() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let learner = school.learner().await?;
    let first = Course::publish(&manager, "До отписки").await?;
    let second = Course::publish(&manager, "После отписки").await?;
    manager.enrol(&learner, &first.run_id).await?;
    let mail = school.outside.mail(&learner.email, "the first mail", |mail| mail.text.contains("До отписки")).await?;
    let link = mail.text.split_whitespace().find(|word| word.contains("/unsubscribe/")).expect("a link to unsubscribe");
    let page = school.http().get(link).send().await.expect("the gateway answers");
    assert_eq!(page.status(), 200);
    // Looking at the page changes nothing; what mail programs send by RFC 8058 does.
    let one_click = [("List-Unsubscribe", "One-Click")];
    let done = school.http().post(link).form(&one_click).send().await.expect("the gateway answers");
    assert!(done.status().is_success(), "{}", done.status());

    manager.enrol(&learner, &second.run_id).await?;
    two_starts(&learner).await?;
    let mails = school.outside.mails(&learner.email).await?;
    assert!(!mails.iter().any(|mail| mail.text.contains("После отписки")), "a mail that nobody wanted");
    let codes =
        json!({"rules": [{"kind": "KIND_RESET_PASSWORD", "channel": "CHANNEL_EMAIL", "timing": "TIMING_NEVER"}]});
    let refused = learner.patch("/v1/me/notification-preferences", codes).await;
    assert!((400..500).contains(&refused.status), "{} {}", refused.status, refused.body);
    Ok(())
}
