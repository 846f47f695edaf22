//! The calling side: the way to a service, what every outgoing call carries, and when it is worth asking again.

mod channel;

pub use channel::Channel;

use crate::{Context, Deadline, Problem, context};
use backon::{ExponentialBuilder, Retryable};
use std::{future::Future, sync::LazyLock, time::Duration};
use tokio::time::Instant;
use tonic::{Code, Request, Status};
use tower::retry::budget::{Budget, TpsBudget};

/// How often a safe read is tried altogether.
const ATTEMPTS: usize = 3;
/// The shortest first pause; it is up to twice as long, and every further one is twice as long again.
const PAUSE: Duration = Duration::from_millis(25);
/// How long asking again may go on: a neighbour that restarts is back by then, and for one that is down whoever asked
/// us had better hear of it at once. So a pause that a neighbour asks for is made if it is short, and handed on to our
/// caller otherwise.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the whole process may ask again: a fifth of what it has asked in the last ten seconds, and ten times a second
/// beside. Without it a neighbour that is down would be asked three times as often as one that is well, and nine times
/// by a chain of two.
static BUDGET: LazyLock<TpsBudget> = LazyLock::new(TpsBudget::default);

/// Marks a status that a channel made because the connection broke while the call was under way: the neighbour was
/// killed, or is out of reach. That says nothing about how it does, so that asking another replica is worth it however
/// long the call took.
pub const BROKE: &str = "connection-broke";

/// What a neighbour says while the first attempt under the same key is still at work, or its end not noticed yet.
const KEY_IN_USE: &str = "IDEMPOTENCY_KEY_IN_USE";

/// Writes the request's id, the remaining time and the trace into an outgoing call. Refuses when there is no time left.
pub fn carry<T>(request: &mut Request<T>) -> Result<(), Status> {
    context::write(request.metadata_mut())
}

/// Asks again, after a growing and jittered pause, when a neighbour is unavailable and there is time left. Only for
/// reads and for calls that are safe to repeat: an unavailable neighbour may still have done what it was asked.
///
/// A call that no replica has begun is sent to another one by the channel itself, whatever it asks for; it does not
/// come here.
pub async fn retry<T, Call, Answer>(call: Call) -> Result<T, Status>
where
    Call: FnMut() -> Answer,
    Answer: Future<Output = Result<T, Status>>,
{
    let given_up = Instant::now() + PATIENCE;
    again(&*BUDGET, call, |status, pause, _| {
        status.code() == Code::Unavailable && (broke(status) || Instant::now() + pause < given_up)
    })
    .await
}

/// Asks again when the connection broke, for a write that carries an idempotency key. That a neighbour says it is
/// unavailable is an answer: whoever holds the key decides what to make of it.
pub async fn retry_keyed<T, Call, Answer>(call: Call) -> Result<T, Status>
where
    Call: FnMut() -> Answer,
    Answer: Future<Output = Result<T, Status>>,
{
    // The key may still be in use by our own first attempt, whose end the database has not noticed yet.
    let in_use = |status: &Status| Problem::from(status).reason == KEY_IN_USE;
    again(&*BUDGET, call, |status, _, attempt| broke(status) || attempt > 1 && in_use(status)).await
}

fn broke(status: &Status) -> bool {
    status.metadata().contains_key(BROKE)
}

/// Makes attempts as long as the budget lasts and `worth_it`, which is told how the last one ended, the pause before the
/// next, and how many there were.
async fn again<T, Call, Answer>(
    budget: &impl Budget,
    call: Call,
    mut worth_it: impl FnMut(&Status, Duration, usize) -> bool,
) -> Result<T, Status>
where
    Call: FnMut() -> Answer,
    Answer: Future<Output = Result<T, Status>>,
{
    let deadline = Context::current().map_or_else(Deadline::usual, |context| context.deadline);
    let mut attempts = 0;
    budget.deposit();
    // Jitter keeps many callers from coming back in step.
    let pauses = ExponentialBuilder::new().with_min_delay(PAUSE).with_max_times(ATTEMPTS - 1).with_jitter();
    call.retry(pauses)
        .sleep(tokio::time::sleep)
        .when(|status| matches!(status.code(), Code::Unavailable | Code::FailedPrecondition))
        .adjust(|status, pause| {
            attempts += 1;
            let asked = match status.code() {
                Code::Unavailable => Problem::from(status).retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            let pause = pause?.max(asked);
            (worth_it(status, pause, attempts) && pause < deadline.remaining() && budget.withdraw()).then_some(pause)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, RequestId};
    use std::cell::Cell;

    async fn asked(answers: impl Fn(u32) -> Result<(), Status>) -> (u32, Result<(), Code>) {
        let asked = Cell::new(0);
        let answer = retry(|| {
            asked.set(asked.get() + 1);
            std::future::ready(answers(asked.get()))
        });
        let answer = answer.await.map_err(|status| status.code());
        (asked.get(), answer)
    }

    async fn written(answers: impl Fn(u32) -> Result<(), Status>) -> (u32, Result<(), Code>) {
        let asked = Cell::new(0);
        let answer = retry_keyed(|| {
            asked.set(asked.get() + 1);
            std::future::ready(answers(asked.get()))
        });
        let answer = answer.await.map_err(|status| status.code());
        (asked.get(), answer)
    }

    #[tokio::test]
    async fn an_unavailable_neighbour_is_asked_again() {
        let answer = asked(|time| if time < 3 { Err(Status::unavailable("")) } else { Ok(()) }).await;
        assert_eq!(answer, (3, Ok(())));
        assert_eq!(asked(|_| Err(Status::unavailable(""))).await, (3, Err(Code::Unavailable)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_neighbour_that_is_down_is_asked_little_more_than_one_that_is_well() {
        // A fifth of what is asked in ten seconds, and once a second.
        let (budget, asked) = (TpsBudget::new(Duration::from_secs(10), 1, 0.2), Cell::new(0));
        let down = || {
            asked.set(asked.get() + 1);
            std::future::ready(Err::<(), _>(Status::unavailable("")))
        };
        futures::future::join_all((0..1_000).map(|_| again(&budget, down, |_, _, _| true))).await;
        assert_eq!(asked.get(), 1_000 + 200 + 10);
    }

    #[tokio::test]
    async fn a_clear_answer_is_taken_at_once() {
        for code in [Code::NotFound, Code::Internal, Code::DeadlineExceeded, Code::FailedPrecondition] {
            assert_eq!(asked(|_| Err(Status::new(code, ""))).await, (1, Err(code)));
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_past_the_deadline() {
        let deadline = Deadline::after(Duration::from_millis(20));
        let context = Context { request_id: RequestId::generate(), deadline };
        let (times, _) = context.scope(asked(|_| Err(Status::unavailable("")))).await;
        assert_eq!(times, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_neighbour_that_takes_long_to_say_that_it_is_down_is_asked_once() {
        let asked = Cell::new(0);
        let answer = retry(async || {
            asked.set(asked.get() + 1);
            tokio::time::sleep(Duration::from_secs(2)).await;
            Err::<(), _>(Status::unavailable("the pool has no connection"))
        });
        assert_eq!((answer.await.unwrap_err().code(), asked.get()), (Code::Unavailable, 1));
    }

    fn broken() -> Status {
        let mut status = Status::unavailable("");
        status.metadata_mut().insert(BROKE, "1".parse().unwrap());
        status
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_broke_is_no_reason_to_give_up_however_long_the_call_took() {
        let asked = Cell::new(0);
        let answer = retry(async || {
            asked.set(asked.get() + 1);
            if asked.get() > 1 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            Err(broken())
        });
        assert_eq!((answer.await.is_ok(), asked.get()), (true, 2));
    }

    #[tokio::test]
    async fn a_write_with_a_key_is_repeated_only_after_its_connection_broke() {
        assert_eq!(written(|time| if time == 1 { Err(broken()) } else { Ok(()) }).await, (2, Ok(())));
        assert_eq!(written(|_| Err(Status::unavailable(""))).await, (1, Err(Code::Unavailable)));
        // Our own first attempt may hold the key for a moment; that somebody else does is an answer.
        let in_use = || {
            let wait = Some(Duration::from_secs(1));
            Status::from(Problem { retry_after: wait, ..Problem::new(Kind::Conflict, KEY_IN_USE, "") })
        };
        let answers = |time| match time {
            1 => Err(broken()),
            2 => Err(in_use()),
            _ => Ok(()),
        };
        assert_eq!(written(answers).await, (3, Ok(())));
        assert_eq!(written(|_| Err(in_use())).await, (1, Err(Code::FailedPrecondition)));
    }

    #[tokio::test]
    async fn the_pause_that_a_neighbour_asks_for_is_respected() {
        let wait = |milliseconds| {
            let wait = Some(Duration::from_millis(milliseconds));
            Err(Status::from(Problem { retry_after: wait, ..Problem::new(Kind::Unavailable, "UNAVAILABLE", "") }))
        };
        let start = tokio::time::Instant::now();
        assert_eq!(asked(|time| if time == 1 { wait(150) } else { Ok(()) }).await, (2, Ok(())));
        assert!(start.elapsed() >= Duration::from_millis(150));
        assert_eq!(asked(|_| wait(1_000)).await.0, 1, "our own caller can wait so long");
    }
}
