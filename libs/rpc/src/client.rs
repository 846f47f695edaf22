//! The calling side: what every outgoing call carries, and when it is worth asking again.

use crate::{Context, Deadline, Problem, context};
use std::{future::Future, time::Duration};
use tokio::time::Instant;
use tonic::{Code, Request, Status};

/// How often a safe read is tried altogether.
const ATTEMPTS: u32 = 3;
/// The longest first pause; every further one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);
/// How long asking again may go on: a neighbour that restarts is back by then, and for one that is down whoever asked us had better
/// hear of it at once. So a pause that a neighbour asks for is made if it is short, and handed on to our caller otherwise.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes the request's id, the remaining time and the trace into an outgoing call. Refuses when there is no time left.
pub fn carry<T>(request: &mut Request<T>) -> Result<(), Status> {
    context::write(request.metadata_mut())
}

/// Asks again, after a growing and jittered pause, when a neighbour is unavailable and there is time left. Only for reads and for calls
/// that are safe to repeat: an unavailable neighbour may still have done what it was asked.
pub async fn retry<T, Call, Answer>(mut call: Call) -> Result<T, Status>
where
    Call: FnMut() -> Answer,
    Answer: Future<Output = Result<T, Status>>,
{
    let deadline = Context::current().map_or_else(Deadline::usual, |context| context.deadline);
    let given_up = Instant::now() + PATIENCE;
    let mut attempt = 1;
    loop {
        let status = match call().await {
            Err(status) if status.code() == Code::Unavailable && attempt < ATTEMPTS => status,
            answer => return answer,
        };
        let asked = Problem::from(&status).retry_after.unwrap_or_default();
        let pause = jittered(PAUSE * 2_u32.pow(attempt - 1)).max(asked);
        if Instant::now() + pause >= given_up || pause >= deadline.remaining() {
            return Err(status);
        }
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// Between the half and the whole of a pause, so that many callers do not come back in step.
fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    half + half * rand::random_range(0..=100) / 100
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

    #[tokio::test]
    async fn an_unavailable_neighbour_is_asked_again() {
        let answer = asked(|time| if time < 3 { Err(Status::unavailable("")) } else { Ok(()) }).await;
        assert_eq!(answer, (3, Ok(())));
        assert_eq!(asked(|_| Err(Status::unavailable(""))).await, (3, Err(Code::Unavailable)));
    }

    #[tokio::test]
    async fn a_clear_answer_is_taken_at_once() {
        for code in [Code::NotFound, Code::Internal, Code::DeadlineExceeded, Code::Aborted] {
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
