//! Which municipalities stand by themselves in a month's report, and which together (R27).
//!
//! Everything about a municipality is said only if it sent five or more. The others are put together, with as many of the
//! smallest of the rest as it takes until their sum is five or more and gives none of them back. What of the others stands in a
//! report is their sum alone.

use crate::conceal::{FEW, could_be_others};

/// Who stands alone: for each of these, by how many it sent. All of the others together are one row, if there is any.
pub(crate) fn alone(sent: &[u32]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..sent.len()).collect();
    order.sort_by_key(|at| (sent.get(*at).copied().unwrap_or(0), *at));
    let value = |at: &usize| sent.get(*at).copied().unwrap_or(0);
    let few = order.iter().filter(|at| value(at) < FEW).count();
    let together = (few..=order.len()).find(|count| {
        let parts: Vec<u32> = order.iter().take(*count).map(value).collect();
        parts.is_empty() || (parts.iter().sum::<u32>() >= FEW && could_be_others(&parts))
    });
    let mut alone = vec![true; sent.len()];
    for at in order.iter().take(together.unwrap_or(order.len())) {
        if let Some(alone) = alone.get_mut(*at) {
            *alone = false;
        }
    }
    alone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_sent_few_takes_the_smallest_of_the_rest_along() {
        assert_eq!(alone(&[9, 7, 2, 30]), [true, false, false, true]);
        assert_eq!(alone(&[9, 7, 30]), [true; 3]);
        // Four and three together are seven, and each could be another.
        assert_eq!(alone(&[4, 9, 3]), [false, true, false]);
        // Nought and five would give each other back, to whoever knows that one of them is few.
        assert_eq!(alone(&[0, 5, 8, 11]), [false, false, false, true]);
        // Four and four are eight, which nothing else is.
        assert_eq!(alone(&[4, 4, 8, 20]), [false, false, false, true]);
    }

    #[test]
    fn where_no_sum_is_safe_all_are_together() {
        assert_eq!(alone(&[0, 2, 1]), [false; 3]);
        assert_eq!(alone(&[3]), [false]);
        assert_eq!(alone(&[12]), [true]);
        assert_eq!(alone(&[]), [true; 0]);
    }
}
