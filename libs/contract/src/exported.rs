//! Exports as messages.

use futures::{StreamExt, TryStreamExt};

use crate::{Show, Streamed, export, show};

/// [`export`] as messages, of what is read with something that is shared, such as the app: each batch gets it anew.
///
/// ```ignore
/// let key = |run: &ExportedRun| run.run;
/// Ok(contract::exported(&self.0, key, |app, after| async move {
///     Ok(exports::runs(&app.db, after, RUNS_AT_ONCE).await?)
/// }))
/// ```
pub fn exported<S, R, K, E, F, M>(
    with: &S,
    key: impl Fn(&R) -> K + Copy + Send + 'static,
    read: impl Fn(S, Option<K>) -> F + Send + 'static,
) -> Streamed<M, E>
where
    S: Clone + Send + 'static,
    R: Show<M> + Send + 'static,
    K: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<Vec<R>, E>> + Send + 'static,
    M: 'static,
{
    let with = with.clone();
    export(key, move |after| read(with.clone(), after)).map_ok(show).boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn everything_that_is_read_is_shown() {
        let numbers: Arc<Vec<u8>> = Arc::new(vec![1, 2, 3]);
        let after = |numbers: &[u8], after: Option<u8>| {
            let rest = numbers.iter().copied().filter(|number| after.is_none_or(|after| *number > after));
            rest.take(2).collect::<Vec<_>>()
        };
        let read = move |numbers: Arc<Vec<u8>>, last| async move { Ok::<_, ()>(after(&numbers, last)) };
        let shown: Streamed<String, ()> = exported(&numbers, |number| *number, read);
        assert_eq!(shown.try_collect::<Vec<_>>().await, Ok(vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]));
    }
}
