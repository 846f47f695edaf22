//! Exports: all that a service owns, in constant memory.

use futures::{StreamExt, stream};

use crate::Streamed;

/// A stream of everything, read batch by batch: `read` gets the key of the last row before and answers with the next rows in
/// the order of their keys. An empty batch ends the stream.
///
/// ```ignore
/// let app = Arc::clone(&self.0);
/// contract::export(|run: &Run| run.id, move |after| {
///     let app = Arc::clone(&app);
///     async move { Ok(exports::runs(&app.db, after, RUNS_AT_ONCE).await?) }
/// })
/// ```
pub fn export<R, K, E, F>(
    key: impl Fn(&R) -> K + Copy + Send + 'static,
    read: impl Fn(Option<K>) -> F + Send + 'static,
) -> Streamed<R, E>
where
    R: Send + 'static,
    K: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<Vec<R>, E>> + Send + 'static,
{
    let batches = stream::unfold(Some(None), move |from: Option<Option<K>>| {
        let reading = from.map(&read);
        async move {
            match reading?.await {
                Ok(batch) => {
                    let next = batch.last().map(|last| Some(key(last)));
                    Some((batch.into_iter().map(Ok).collect(), next))
                }
                Err(error) => Some((vec![Err(error)], None)),
            }
        }
    });
    batches.flat_map(|batch: Vec<Result<R, E>>| stream::iter(batch)).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(fails_after: Option<u32>) -> Streamed<u32, &'static str> {
        export(
            |number| *number,
            move |after: Option<u32>| async move {
                if after == fails_after && after.is_some() {
                    return Err("the database failed");
                }
                let from = after.map_or(1, |after| after + 1);
                Ok((from..=5).take(2).collect())
            },
        )
    }

    #[tokio::test]
    async fn every_row_is_handed_out_once_and_in_order() {
        assert_eq!(numbers(None).collect::<Vec<_>>().await, [Ok(1), Ok(2), Ok(3), Ok(4), Ok(5)]);
    }

    #[tokio::test]
    async fn a_failure_ends_the_stream() {
        assert_eq!(numbers(Some(2)).collect::<Vec<_>>().await, [Ok(1), Ok(2), Err("the database failed")]);
    }
}
